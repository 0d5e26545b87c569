//! Where a registry answers.

use std::fmt;

use url::Url;

/// At least one address. None holds a secret, so that all may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Addresses(pub(super) Vec<Url>);

impl Addresses {
    /// Reads a comma-separated list. What is refused is not repeated: it may
    /// hold a secret.
    pub(super) fn parse(list: &str) -> Result<Self, String> {
        let texts = list.split(',').map(str::trim).filter(|text| !text.is_empty());
        let addresses: Result<Vec<Url>, String> =
            texts.enumerate().map(|(index, text)| address(index + 1, text)).collect();
        match addresses? {
            none if none.is_empty() => Err("url names no address".to_owned()),
            some => Ok(Self(some)),
        }
    }
}

fn address(number: usize, text: &str) -> Result<Url, String> {
    let refuse = |what: &str| Err(format!("address {number} of url {what}"));
    let Ok(url) = Url::parse(text) else {
        return refuse("is none; write https://host:port");
    };
    if !url.username().is_empty() || url.password().is_some() {
        return refuse(
            "holds a user or a password; name the user as user, and put the password into the \
             environment as LOADSTAR_SCHEMA_REGISTRY_PASSWORD",
        );
    }
    if !matches!(url.scheme(), "http" | "https") || url.cannot_be_a_base() {
        return refuse("is none of http or https; write https://host:port");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return refuse("has something behind its path; write https://host:port/path");
    }
    Ok(url)
}

impl fmt::Display for Addresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, url) in self.0.iter().enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            write!(f, "{comma}{}", url.as_str().trim_end_matches('/'))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_tried_in_order() {
        let addresses = Addresses::parse("http://a:8081, https://b/registry/,").expect("two");
        assert_eq!(addresses.to_string(), "http://a:8081, https://b/registry");
    }

    #[test]
    fn what_may_hold_a_secret_is_refused_and_not_repeated() {
        for list in [
            "http://kim:hunter2@a:8081",
            "http://a:8081,https://hunter2@b",
            "http://kim:hunt,er2@a:8081",
            "kim:hunter2@a:8081",
            "http://a:8081/?token=hunter2",
            "http://a:8081/#hunter2",
            "hunter2",
            "",
        ] {
            let error = Addresses::parse(list).expect_err(list);
            assert!(!error.contains("hunt"), "{error}");
        }
        let error = Addresses::parse("http://kim:hunter2@a").expect_err("a password");
        assert!(error.contains("LOADSTAR_SCHEMA_REGISTRY_PASSWORD"), "{error}");
    }
}
