//! What the demo does once and `loadstar run` does on its schedule.

use std::sync::Arc;

use anyhow::Result;
use loadstar_models::risk::{self, RiskModel};
use loadstar_sql::Lake;

use crate::commands::report::now;
use crate::scoring::{self, Kind, Prepared};

/// A model fitted and applied.
pub struct Scored {
    pub model: RiskModel,
    pub rows: usize,
}

/// Fits the risk models of a family on what is known, keeps them, scores
/// everyone; says why not where too little is known yet.
pub async fn fit_and_score(
    lake: &Lake,
    family: &[Kind],
) -> Result<Vec<(Kind, Result<Scored, String>)>> {
    let Some(&first) = family.first() else { return Ok(Vec::new()) };
    let told = |kind: Kind, outcome: Result<Scored>| match outcome {
        Ok(scored) => Ok((kind, Ok(scored))),
        Err(error) if scoring::too_little_history(&error) => Ok((
            kind,
            Err(format!(
                "left out, not enough history: outcomes are known {} days later, and {error}",
                kind.horizon_days
            )),
        )),
        Err(error) => Err(error),
    };
    let prepared = match scoring::prepare(lake, first).await {
        Ok(prepared) => Arc::new(prepared),
        Err(error) => return Ok(vec![told(first, Err(error))?]),
    };
    let mut outcomes = Vec::new();
    for &kind in family {
        outcomes.push(told(kind, learn_and_score(lake, kind, &prepared).await)?);
    }
    Ok(outcomes)
}

async fn learn_and_score(lake: &Lake, kind: Kind, prepared: &Arc<Prepared>) -> Result<Scored> {
    let rows = Arc::clone(prepared);
    let (model, scores) = tokio::task::spawn_blocking(move || {
        let model = risk::fit(&rows.known(kind)?, &scoring::spec_of(kind, &rows.window))?;
        let scores = model.score(&rows.asked()?)?;
        anyhow::Ok((model, scores))
    })
    .await??;
    let version = scoring::keep(lake, &model, now()).await?;
    scoring::store(lake, kind, &version, prepared, &scores).await?;
    Ok(Scored { model, rows: scores.len() })
}
