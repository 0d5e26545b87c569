//! What the demo does once and `loadstar run` does on its schedule.

use anyhow::Result;
use loadstar_models::risk::{self, RiskModel};
use loadstar_sql::Lake;

use crate::commands::report::now;
use crate::scoring::{self, Kind};

/// A model fitted and applied.
pub struct Scored {
    pub model: RiskModel,
    pub rows: usize,
}

/// Fits a risk model on what is known, keeps it, scores everyone; says why not
/// where too little is known yet.
pub async fn fit_and_score(lake: &Lake, kind: Kind) -> Result<Result<Scored, String>> {
    match learn_and_score(lake, kind).await {
        Ok(scored) => Ok(Ok(scored)),
        Err(error) if scoring::too_little_history(&error) => Ok(Err(format!(
            "left out, not enough history: outcomes are known {} days later, and {error}",
            kind.horizon_days
        ))),
        Err(error) => Err(error),
    }
}

async fn learn_and_score(lake: &Lake, kind: Kind) -> Result<Scored> {
    let prepared = scoring::prepare(lake, kind).await?;
    let table = scoring::table(&prepared.training, true)?;
    let spec = scoring::spec_of(kind, &prepared.window);
    let model = tokio::task::spawn_blocking(move || risk::fit(&table, &spec)).await??;
    let version = scoring::keep(lake, &model, now()).await?;
    let scores = model.score(&scoring::table(&prepared.scoring, false)?)?;
    scoring::store(lake, kind, &version, &prepared, &scores).await?;
    Ok(Scored { model, rows: scores.len() })
}
