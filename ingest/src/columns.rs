//! The columns of a table: those of the contract, and those that came since.
//!
//! Columns are added, nullable, in a commit of their own and before the rows
//! that need them; none is ever taken away or given another type. So whatever a
//! row was held against when it was decoded still holds when it lands, and when
//! it is decoded again.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, FieldRef, Schema, SchemaRef};
use deltalake_core::DeltaTableError;
use deltalake_core::kernel::engine::arrow_conversion::{TryIntoArrow, TryIntoKernel};
use deltalake_core::kernel::transaction::{CommitBuilder, CommitProperties};
use deltalake_core::kernel::{Action, MetadataExt, StructField, StructType};
use deltalake_core::protocol::DeltaOperation;
use loadstar_schema::Table;

use crate::decode::MOST_ADDED_COLUMNS;
use crate::fault::{self, Fault, Faults, Step};
use crate::{IngestError, LakeTable, commit};

/// Whether rows fit a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    /// The table has every column they have.
    Made,
    /// It has one of them with another type, or is full: another process was
    /// quicker, and the rows must be decoded anew.
    Taken,
}

impl LakeTable {
    /// The contract's columns, then those that were added.
    pub(crate) fn columns(&self) -> Result<SchemaRef, IngestError> {
        let contract = self.table.schema();
        let found: Schema = (self.state.schema().as_ref().try_into_arrow())
            .map_err(|source| IngestError::Rows { table: self.table, source })?;
        let added = found.fields().iter().filter(|field| is_added(&contract, field));
        Ok(Arc::new(Schema::new(
            contract.fields().iter().chain(added).cloned().collect::<Vec<_>>(),
        )))
    }

    /// Adds the columns of rows that the table lacks.
    pub(crate) async fn make_room(
        &mut self,
        rows: &[RecordBatch],
        faults: Option<&Faults>,
    ) -> Result<Room, IngestError> {
        let contract = self.table.schema();
        let mut wanted: Vec<FieldRef> = Vec::new();
        for batch in rows {
            for field in batch.schema_ref().fields() {
                let is_new = is_added(&contract, field)
                    && !wanted.iter().any(|other| other.name() == field.name());
                if is_new {
                    wanted.push(field.clone());
                }
            }
        }
        if wanted.is_empty() { Ok(Room::Made) } else { self.add_columns(&wanted, faults).await }
    }

    /// Adds the nullable columns of the contract that a table from before them
    /// lacks.
    pub(crate) async fn catch_up(&mut self) -> Result<(), IngestError> {
        let found = self.state.schema();
        let contract = self.table.schema();
        let lacking = contract.fields().iter().filter(|field| found.field(field.name()).is_none());
        let lacking: Vec<FieldRef> = lacking.cloned().collect();
        if lacking.is_empty() || self.add_columns(&lacking, None).await? == Room::Made {
            return Ok(());
        }
        // Somebody else was quicker, with other types.
        self.check_columns()
    }

    /// Two processes may add the same column at once: the second is refused,
    /// reads the log again and finds it there.
    async fn add_columns(
        &mut self,
        wanted: &[FieldRef],
        faults: Option<&Faults>,
    ) -> Result<Room, IngestError> {
        let table = self.table;
        let rows = |source| IngestError::Rows { table, source };
        let wanted: Vec<StructField> = (wanted.iter())
            .map(|field| field.as_ref().try_into_kernel())
            .collect::<Result<_, _>>()
            .map_err(rows)?;
        let mut pause = commit::FIRST_PAUSE;
        for attempt in 1.. {
            let Some(lacking) = self.lacking(&wanted) else { return Ok(Room::Taken) };
            if lacking.is_empty() {
                break;
            }
            let names: Vec<&str> = lacking.iter().map(|field| field.name().as_str()).collect();
            let names = names.join(", ");
            let injected = fault::at(faults, Step::AddingColumns(table))?;
            let outcome = match injected {
                Fault::Refuse => Err(commit::refusal("the store refused the columns")),
                _ => self.commit_columns(lacking).await,
            };
            match outcome {
                Ok(()) if injected != Fault::LoseReply => {
                    tracing::info!(table = table.name(), columns = names, "columns added");
                    fault::at(faults, Step::ColumnsAdded(table))?;
                    break;
                }
                Ok(()) => tracing::warn!(table = table.name(), "the reply was lost"),
                Err(error) if attempt >= commit::ATTEMPTS => {
                    return Err(self.error("add columns to it")(error));
                }
                Err(error) => {
                    tracing::warn!(table = table.name(), %error, "columns not added, looking again");
                }
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
            self.refresh().await?;
        }
        Ok(Room::Made)
    }

    /// Which of the columns the table lacks; `None` if it cannot take them.
    fn lacking(&self, wanted: &[StructField]) -> Option<Vec<StructField>> {
        let found = self.state.schema();
        let mut lacking = Vec::new();
        for field in wanted {
            match found.field(field.name()) {
                None => lacking.push(field.clone()),
                Some(there) if there.data_type() == field.data_type() => {}
                Some(there) => {
                    tracing::warn!(
                        table = self.table.name(),
                        column = field.name(),
                        holds = %there.data_type(),
                        came = %field.data_type(),
                        "another process gave the column another type, decoding again"
                    );
                    return None;
                }
            }
        }
        let contract = self.table.schema();
        let is_added = |name: &str| contract.field_with_name(name).is_err();
        let fresh = lacking.iter().filter(|field| is_added(field.name())).count();
        let added = found.fields().filter(|field| is_added(field.name())).count();
        (fresh == 0 || added + fresh <= MOST_ADDED_COLUMNS).then_some(lacking)
    }

    async fn commit_columns(&mut self, lacking: Vec<StructField>) -> Result<(), DeltaTableError> {
        let found = self.state.schema();
        let fields = found.fields().cloned().chain(lacking.iter().cloned());
        let metadata = self.state.metadata().clone().with_schema(&StructType::try_new(fields)?)?;
        let commit = CommitBuilder::from(CommitProperties::default())
            .with_actions(vec![Action::Metadata(metadata)])
            .build(
                Some(&self.state),
                self.log_store.clone(),
                DeltaOperation::AddColumn { fields: lacking },
            )
            .await?;
        self.state = commit.snapshot();
        Ok(())
    }

    /// Whether the table can be written and read as this version does.
    pub(crate) fn check_columns(&self) -> Result<(), IngestError> {
        let table = self.table;
        let contract: StructType = (table.schema().as_ref().try_into_kernel())
            .map_err(|source| IngestError::Rows { table, source })?;
        match difference(table, &contract, &self.state.schema()) {
            None => Ok(()),
            Some(detail) => {
                Err(IngestError::Schema { table, location: self.location.clone(), detail })
            }
        }
    }
}

fn is_added(contract: &Schema, field: &Field) -> bool {
    contract.field_with_name(field.name()).is_err()
}

/// What must not be: a column of another type, one missing that every row has,
/// one more that rows without it could not leave empty.
fn difference(table: Table, contract: &StructType, found: &StructType) -> Option<String> {
    for field in contract.fields() {
        match found.field(field.name()) {
            None if field.is_nullable() => {}
            None => return Some(format!("column {} is missing", field.name())),
            Some(other) if other.data_type() != field.data_type() => {
                return Some(format!(
                    "column {} is {}, not {}",
                    field.name(),
                    other.data_type(),
                    field.data_type()
                ));
            }
            Some(_) => {}
        }
    }
    found
        .fields()
        .filter(|field| contract.field(field.name()).is_none())
        .find(|field| !(Table::LANDED.contains(&table) && field.is_nullable()))
        .map(|field| format!("column {} is not expected", field.name()))
}
