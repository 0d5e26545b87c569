//! What validation writes: edits beside the reads they edit, and findings.
//!
//! Two tables cannot commit together. Edits go first, each commit under the
//! transaction [`VEE_TRANSACTION`] of its table: of two runs at once the second
//! is refused. A run that ends between the two is made good by the next, which
//! finds the edits there and writes what is missing; only the end of a run says
//! that its days have been looked at.

use arrow::array::RecordBatch;
use deltalake_core::protocol::{DeltaOperation, SaveMode};
use loadstar_schema::{Table, VEE_TRANSACTION};
use uuid::Uuid;

use crate::commit::{Fence, Landing};
use crate::fault::{self, Faults, Step};
use crate::{IngestError, LakeTable, LakeUrl};

/// A run of validation that writes. Begin it before the lake is looked at: what
/// another run writes from then on makes this one's work void.
pub struct Revising {
    reads: Fenced,
    findings: Fenced,
    faults: Option<Faults>,
}

/// A table, and where its fence stood.
struct Fenced {
    open: LakeTable,
    base: Option<i64>,
}

impl Revising {
    /// Opens both tables, making them if they are not there.
    ///
    /// # Errors
    /// [`IngestError::Lake`] if they cannot be read or made.
    pub async fn begin(lake: &LakeUrl, faults: Option<Faults>) -> Result<Self, IngestError> {
        Ok(Self {
            reads: Fenced::open(lake, Table::MeterReads).await?,
            findings: Fenced::open(lake, Table::VeeFindings).await?,
            faults,
        })
    }

    /// Writes rows of [`Table::MeterReads`] and of [`Table::VeeFindings`].
    /// `false` if another run was quicker: then nothing more may be written.
    ///
    /// # Errors
    /// [`IngestError::Rows`] if they are not of their tables' columns,
    /// [`IngestError::Lake`] if the lake refuses.
    pub async fn write(
        &mut self,
        edits: Vec<RecordBatch>,
        findings: Vec<RecordBatch>,
    ) -> Result<bool, IngestError> {
        let faults = self.faults.as_ref();
        Ok(self.reads.append(edits, faults).await?
            && self.findings.append(findings, faults).await?)
    }

    /// Says how far the run has seen the tables it looked at: application
    /// transactions of [`Table::VeeFindings`], by name. `false` as in
    /// [`Revising::write`].
    ///
    /// # Errors
    /// [`IngestError::Lake`] if the lake refuses.
    pub async fn end(&mut self, seen: &[(String, i64)]) -> Result<bool, IngestError> {
        if seen.is_empty() {
            return Ok(true);
        }
        let mut fences = Vec::with_capacity(seen.len());
        for (app_id, next) in seen {
            let base = self.findings.open.transaction(app_id).await?;
            fences.push(Fence { app_id: app_id.clone(), base, next: *next });
        }
        if fences.iter().all(|fence| fence.base == Some(fence.next)) {
            return Ok(true);
        }
        let faults = self.faults.as_ref();
        self.findings.commit(Vec::new(), fences, faults).await
    }
}

impl Fenced {
    async fn open(lake: &LakeUrl, table: Table) -> Result<Self, IngestError> {
        let open = LakeTable::open_or_create(lake, table).await?;
        let base = open.transaction(VEE_TRANSACTION).await?;
        Ok(Self { open, base })
    }

    async fn append(
        &mut self,
        rows: Vec<RecordBatch>,
        faults: Option<&Faults>,
    ) -> Result<bool, IngestError> {
        if rows.iter().all(|batch| batch.num_rows() == 0) {
            return Ok(true);
        }
        self.commit(rows, Vec::new(), faults).await
    }

    async fn commit(
        &mut self,
        rows: Vec<RecordBatch>,
        mut fences: Vec<Fence>,
        faults: Option<&Faults>,
    ) -> Result<bool, IngestError> {
        let adds = if rows.is_empty() { Vec::new() } else { self.open.write(rows).await? };
        fault::at(faults, Step::FilesWritten(self.open.table()))?;
        // A number nobody else chooses, as compaction has it.
        let next = (Uuid::new_v4().as_u64_pair().0 >> 1).cast_signed();
        fences.push(Fence { app_id: VEE_TRANSACTION.to_owned(), base: self.base, next });
        let operation =
            DeltaOperation::Write { mode: SaveMode::Append, partition_by: None, predicate: None };
        let landing = self.open.commit(adds, &fences, operation, faults).await?;
        self.base = Some(next);
        Ok(landing != Landing::Superseded)
    }
}
