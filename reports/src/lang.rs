use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The language a page is written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lang {
    /// English.
    #[default]
    En,
    /// Simplified Chinese.
    Zh,
}

impl Lang {
    /// Every language, in the order of the label table's columns.
    pub const ALL: [Self; 2] = [Self::En, Self::Zh];

    /// The code as in `--lang`: `en` or `zh`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Zh => "zh",
        }
    }

    /// Of two texts, the one in this language; the other where it is empty.
    pub(crate) fn choose<'a>(self, en: &'a str, zh: &'a str) -> &'a str {
        let (wanted, other) = match self {
            Self::En => (en, zh),
            Self::Zh => (zh, en),
        };
        if wanted.trim().is_empty() { other } else { wanted }
    }
}

/// A language code that no report is written in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a report language; there are en and zh")]
pub struct UnknownLang(pub String);

impl FromStr for Lang {
    type Err = UnknownLang;

    fn from_str(code: &str) -> Result<Self, UnknownLang> {
        Self::ALL
            .into_iter()
            .find(|lang| lang.code() == code)
            .ok_or_else(|| UnknownLang(code.to_owned()))
    }
}
