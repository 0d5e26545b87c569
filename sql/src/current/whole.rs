//! A second look at one partition, with every column of its table.

use std::sync::Arc;

use datafusion::common::{Result, ScalarValue};
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfig, FileScanConfigBuilder};
use datafusion::datasource::source::DataSourceExec;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::{ExecutionPlan, Partitioning};

use super::newest::Reduction;

/// Reads a partition again, of the files that a scan has.
#[derive(Debug)]
pub(crate) struct WholeScan {
    /// The scan, with every column.
    pub(crate) scan: FileScanConfig,
    /// Of its columns to the same output.
    pub(crate) reduction: Reduction,
}

impl WholeScan {
    /// The rows of one partition; all of them where rows are not reduced by it.
    pub(crate) fn scan(
        &self,
        partition: Option<i32>,
        context: &Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let all = self.reduction.partition.is_none();
        let value = ScalarValue::Date32(partition);
        let files = self.scan.file_groups.iter().flat_map(FileGroup::iter);
        let files = files.filter(|file| all || file.partition_values.first() == Some(&value));
        let group = FileGroup::new(files.cloned().collect());
        let scan = FileScanConfigBuilder::from(self.scan.clone())
            .with_file_groups(vec![group])
            .with_output_partitioning(Some(Partitioning::UnknownPartitioning(1)))
            .build();
        DataSourceExec::from_data_source(scan).execute(0, Arc::clone(context))
    }
}
