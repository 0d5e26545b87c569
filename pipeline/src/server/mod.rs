//! Servers: the PostgreSQL wire for analysts, HTTP for operators.

mod comments;
pub mod http;
pub mod postgres;
mod read_only;
