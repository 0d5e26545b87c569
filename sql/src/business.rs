//! The schemas of the business's functions. Their views are planned when first
//! used: a session that asks for none of them opens as fast as ever.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use datafusion::catalog::{MemorySchemaProvider, SchemaProvider, TableProvider};
use datafusion::datasource::TableType;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::prelude::{SessionConfig, SessionContext};

use crate::described;
use crate::queries;
use crate::session::{context, install, register, view};

/// Schema of what the views say about themselves.
pub(crate) const CATALOGUE: &str = "catalogue";

/// Views by schema and name.
type Planned = HashMap<(&'static str, String), Arc<dyn TableProvider>>;

/// Views of every function as of one instant, over tables and views in `public`
/// that have the contract's columns, whatever messages added or users made.
pub(crate) struct Views {
    public: Arc<dyn SchemaProvider>,
    raw: Arc<dyn SchemaProvider>,
    config: SessionConfig,
    runtime: Arc<RuntimeEnv>,
    planned: Mutex<Planned>,
}

impl Views {
    /// Over the tables and views there are now in two schemas; what is put in
    /// their place later is not seen.
    pub(crate) async fn over(
        public: &Arc<dyn SchemaProvider>,
        raw: &Arc<dyn SchemaProvider>,
        config: SessionConfig,
        runtime: Arc<RuntimeEnv>,
    ) -> Result<Arc<Self>> {
        let (public, raw) = (copy(public).await?, copy(raw).await?);
        Ok(Arc::new(Self { public, raw, config, runtime, planned: Mutex::default() }))
    }

    /// The schemas by name.
    pub(crate) fn schemas(
        self: &Arc<Self>,
    ) -> impl Iterator<Item = (&'static str, Arc<dyn SchemaProvider>)> + use<> {
        let views = Arc::clone(self);
        let used = queries::SCHEMAS.iter().filter(|schema| !schema.views.is_empty());
        let names = used.map(|schema| schema.name).chain([CATALOGUE]);
        names.map(move |name| {
            let schema = Function { name, views: Arc::clone(&views) };
            (name, Arc::new(schema) as Arc<dyn SchemaProvider>)
        })
    }

    /// A view, planned now if it was not yet.
    async fn plan(
        self: &Arc<Self>,
        schema: &'static str,
        name: &str,
    ) -> Result<Option<Arc<dyn TableProvider>>> {
        let key = (schema, name.to_owned());
        if let Some(known) = self.planned.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(Some(Arc::clone(known)));
        }
        let planned = if schema == CATALOGUE {
            match name {
                described::VIEWS => described::views()?,
                described::COLUMNS => described::columns(&self.session()?).await?,
                _ => return Ok(None),
            }
        } else {
            let Some(query) = queries::of_schema(schema).find(|query| query.name == name) else {
                return Ok(None);
            };
            let planned = view(&self.session()?, query).await;
            planned.map_err(|error| DataFusionError::External(Box::new(error)))?
        };
        self.planned
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(key, Arc::clone(&planned));
        Ok(Some(planned))
    }

    /// A session to plan in. It is not kept: its schemas hold these views.
    fn session(self: &Arc<Self>) -> Result<SessionContext> {
        let external = |error| DataFusionError::External(Box::new(error));
        let ctx = context(Arc::clone(&self.runtime), self.config.clone());
        install(&ctx, Arc::clone(&self.public), Arc::clone(&self.raw)).map_err(external)?;
        for (name, schema) in self.schemas() {
            register(&ctx, name, schema).map_err(external)?;
        }
        Ok(ctx)
    }
}

impl fmt::Debug for Views {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Views")
    }
}

async fn copy(schema: &Arc<dyn SchemaProvider>) -> Result<Arc<dyn SchemaProvider>> {
    let copied = MemorySchemaProvider::new();
    for name in schema.table_names() {
        if let Some(table) = schema.table(&name).await? {
            copied.register_table(name, table)?;
        }
    }
    Ok(Arc::new(copied))
}

/// The views of one function.
#[derive(Debug)]
struct Function {
    name: &'static str,
    views: Arc<Views>,
}

#[async_trait]
impl SchemaProvider for Function {
    fn table_names(&self) -> Vec<String> {
        if self.name == CATALOGUE {
            return vec![described::VIEWS.to_owned(), described::COLUMNS.to_owned()];
        }
        queries::of_schema(self.name).map(|query| query.name.to_owned()).collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        self.views.plan(self.name, name).await
    }

    /// Known without planning, so that listing names stays fast.
    async fn table_type(&self, name: &str) -> Result<Option<TableType>> {
        Ok(self.table_exist(name).then_some(TableType::View))
    }

    fn table_exist(&self, name: &str) -> bool {
        self.table_names().iter().any(|known| known == name)
    }
}
