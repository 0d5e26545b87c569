//! Topics and files into a lake on disk, with crashes at every step.

mod compaction;
mod exactly_once;
mod files;
mod trouble;
mod world;
