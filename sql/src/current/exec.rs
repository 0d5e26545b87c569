//! The operator that reduces a scan to newest revisions, a partition at a time.

use std::fmt;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Date32Type, SchemaRef};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result, internal_err};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, Partitioning, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties,
    PlanProperties, ReplaceChildrenOptions,
};
use futures::{Stream, StreamExt, TryStreamExt, stream};

use super::newest::{Newest, Reduction};
use super::whole::WholeScan;

/// Keeps the newest revision of every key of its input.
#[derive(Debug)]
pub(crate) struct NewestRevisionExec {
    input: Arc<dyn ExecutionPlan>,
    reduction: Reduction,
    whole: Option<Arc<WholeScan>>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl NewestRevisionExec {
    /// `whole` reads what `input` leaves out, where it does.
    pub(crate) fn new(
        input: Arc<dyn ExecutionPlan>,
        reduction: Reduction,
        whole: Option<Arc<WholeScan>>,
    ) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&reduction.output)),
            Partitioning::UnknownPartitioning(input.output_partitioning().partition_count()),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Self {
            input,
            reduction,
            whole,
            properties: Arc::new(properties),
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }
}

impl DisplayAs for NewestRevisionExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let table = self.reduction.table;
        write!(f, "NewestRevisionExec: table={}, key={:?}", table.name(), table.key())
    }
}

impl ExecutionPlan for NewestRevisionExec {
    fn name(&self) -> &'static str {
        "NewestRevisionExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    /// Dividing the input differently would part the versions of a key.
    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let (Some(input), true) = (children.pop(), children.is_empty()) else {
            return internal_err!("NewestRevisionExec has one child");
        };
        Ok(Arc::new(Self::new(input, self.reduction.clone(), self.whole.clone())))
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(
            children,
            ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute),
        )
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let reservation = MemoryConsumer::new(format!("newest of {}", self.reduction.table.name()))
            .register(context.memory_pool());
        let input = self.input.execute(partition, Arc::clone(&context))?;
        let schema: SchemaRef = Arc::clone(&self.reduction.output);
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let held = Held {
            input,
            reduction: self.reduction.clone(),
            whole: self.whole.clone(),
            context,
            reservation,
            partition: None,
            rows: Vec::new(),
            ended: false,
        };
        let rows = reduce(held).map_ok(move |batch| {
            metrics.record_output(batch.num_rows());
            batch
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, rows)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}

/// What is held of the partition being read.
struct Held {
    input: SendableRecordBatchStream,
    reduction: Reduction,
    whole: Option<Arc<WholeScan>>,
    context: Arc<TaskContext>,
    reservation: MemoryReservation,
    partition: Option<i32>,
    rows: Vec<RecordBatch>,
    ended: bool,
}

impl Held {
    /// Reads to the end of a partition and reduces it.
    async fn next_partition(&mut self) -> Result<Option<Vec<RecordBatch>>> {
        while !self.ended {
            let Some(batch) = self.input.next().await.transpose()? else {
                self.ended = true;
                break;
            };
            if batch.num_rows() == 0 {
                continue;
            }
            let partition = self.reduction.partition.and_then(|column| {
                let days = batch.column(column).as_primitive_opt::<Date32Type>()?;
                days.is_valid(0).then(|| days.value(0))
            });
            let batch = self.reduction.known(batch)?;
            if partition != self.partition && !self.rows.is_empty() {
                let reduced = self.reduce().await?;
                self.hold(partition, batch)?;
                return Ok(Some(reduced));
            }
            self.hold(partition, batch)?;
        }
        if self.rows.is_empty() { Ok(None) } else { self.reduce().await.map(Some) }
    }

    fn hold(&mut self, partition: Option<i32>, batch: RecordBatch) -> Result<()> {
        self.partition = partition;
        if batch.num_rows() > 0 {
            // Keys are held beside the rows while these are compared.
            self.reservation.try_grow(2 * batch.get_array_memory_size())?;
            self.rows.push(batch);
        }
        Ok(())
    }

    async fn reduce(&mut self) -> Result<Vec<RecordBatch>> {
        let rows = std::mem::take(&mut self.rows);
        let mut newest = self.reduction.newest(&rows)?;
        drop(rows);
        self.reservation.free();
        if matches!(newest, Newest::Undecided) {
            newest = self.decide().await?;
            self.reservation.free();
        }
        match newest {
            Newest::Rows(rows) => Ok(rows),
            Newest::Undecided => internal_err!("every column was compared"),
        }
    }

    /// Reads the partition again, with every column: rows are rare that differ
    /// in one and in nothing else.
    async fn decide(&mut self) -> Result<Newest> {
        let Some(whole) = self.whole.clone() else { return Ok(Newest::Undecided) };
        let mut input = whole.scan(self.partition, &self.context)?;
        let mut rows = Vec::new();
        while let Some(batch) = input.next().await.transpose()? {
            let batch = whole.reduction.known(batch)?;
            self.reservation.try_grow(2 * batch.get_array_memory_size())?;
            rows.push(batch);
        }
        whole.reduction.newest(&rows)
    }
}

fn reduce(held: Held) -> impl Stream<Item = Result<RecordBatch>> + Send {
    stream::try_unfold(held, |mut held| async move {
        let partition = held.next_partition().await?;
        let rows = partition.map(|rows| rows.into_iter().map(Ok::<_, DataFusionError>));
        Ok::<_, DataFusionError>(rows.map(|rows| (stream::iter(rows), held)))
    })
    .try_flatten()
}
