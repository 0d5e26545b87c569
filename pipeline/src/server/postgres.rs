//! The PostgreSQL wire: psql, DBeaver, Excel and every driver connect here.
//!
//! With a password, clients authenticate by SCRAM-SHA-256. Without one, only
//! loopback is served. A certificate that cannot be read stops the start; it
//! never falls back to plain text.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use async_trait::async_trait;
use datafusion::prelude::SessionContext;
use datafusion_postgres::hooks::{
    cursor::CursorStatementHook, set_show::SetShowHook, transactions::TransactionStatementHook,
};
use datafusion_postgres::pgwire::api::auth::noop::NoopStartupHandler;
use datafusion_postgres::pgwire::api::auth::sasl::SASLAuthStartupHandler;
use datafusion_postgres::pgwire::api::auth::sasl::scram::{ScramAuth, gen_salted_password};
use datafusion_postgres::pgwire::api::auth::{
    AuthSource, DefaultServerParameterProvider, LoginInfo, Password, StartupHandler,
};
use datafusion_postgres::pgwire::api::cancel::{CancelHandler, DefaultCancelHandler};
use datafusion_postgres::pgwire::api::query::{ExtendedQueryHandler, SimpleQueryHandler};
use datafusion_postgres::pgwire::api::{ClientInfo, ConnectionManager, PgWireServerHandlers};
use datafusion_postgres::pgwire::error::{PgWireError, PgWireResult};
use datafusion_postgres::pgwire::messages::{PgWireBackendMessage, PgWireFrontendMessage};
use datafusion_postgres::pgwire::tokio::tokio_rustls::rustls::ServerConfig;
use datafusion_postgres::pgwire::tokio::tokio_rustls::rustls::crypto::ring;
use datafusion_postgres::pgwire::tokio::tokio_rustls::rustls::pki_types::{
    CertificateDer, PrivateKeyDer, pem::PemObject,
};
use datafusion_postgres::pgwire::tokio::{TlsAcceptor, process_socket};
use datafusion_postgres::{DfSessionService, datafusion_pg_catalog};
use futures::Sink;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tracing::{info, warn};

use super::comments::Comments;
use super::read_only::ReadOnly;
use crate::config::ServeConfig;

/// RFC 7677 asks for at least 4096.
const SCRAM_ITERATIONS: usize = 4096;

/// The catalog that clients see.
const CATALOG: &str = "datafusion";

/// A bound, not yet serving, PostgreSQL endpoint.
pub struct PostgresServer {
    listener: TcpListener,
    handlers: Arc<Handlers>,
    tls: Option<TlsAcceptor>,
    max_connections: usize,
}

impl PostgresServer {
    /// Binds `config.postgres` (port 0 picks a free one) for queries on `context`.
    ///
    /// # Errors
    /// An address off loopback without a password, an address in use, a
    /// certificate or key that cannot be read.
    pub async fn bind(
        config: &ServeConfig,
        password: Option<&str>,
        context: Arc<SessionContext>,
    ) -> Result<Self> {
        let listener = TcpListener::bind(&config.postgres).await.with_context(|| {
            format!(
                "cannot listen on {} for PostgreSQL clients; set serve.postgres or --postgres to \
                 a free address",
                config.postgres
            )
        })?;
        let address = listener.local_addr()?;
        if password.is_none() && !address.ip().is_loopback() {
            bail!(
                "{address} is reachable from other machines and no password is set: set \
                 LOADSTAR_POSTGRES_PASSWORD, or listen on 127.0.0.1"
            );
        }
        datafusion_pg_catalog::pg_catalog::setup_pg_catalog(
            &context,
            CATALOG,
            datafusion_pg_catalog::pg_catalog::context::EmptyContextProvider,
        )
        .map_err(|error| anyhow::anyhow!("cannot set up pg_catalog: {error}"))?;
        let comments = Comments::show(&context, CATALOG).await;
        let comments = comments.context("cannot set up comments in pg_catalog")?;
        let connections = Arc::new(ConnectionManager::new());
        let service = DfSessionService::new_with_hooks(
            context,
            vec![
                Arc::new(ReadOnly),
                Arc::new(comments),
                Arc::new(CursorStatementHook),
                Arc::new(SetShowHook),
                Arc::new(TransactionStatementHook),
            ],
        );
        let startup = match password {
            Some(password) => Startup::scram(&config.user, password, connections.clone()),
            None => Startup::Trust(connections.clone()),
        };
        Ok(Self {
            listener,
            tls: tls(&config.tls_certificate, &config.tls_key)?,
            handlers: Arc::new(Handlers {
                service: Arc::new(service),
                startup: Arc::new(startup),
                cancel: Arc::new(DefaultCancelHandler::new(connections)),
            }),
            max_connections: config.max_connections,
        })
    }

    /// Where clients connect.
    pub fn address(&self) -> Result<SocketAddr> {
        Ok(self.listener.local_addr()?)
    }

    /// Serves until `stop` turns true.
    pub async fn serve(self, mut stop: watch::Receiver<bool>) -> Result<()> {
        let places = Arc::new(Semaphore::new(self.max_connections));
        loop {
            let (socket, peer) = tokio::select! {
                accepted = self.listener.accept() => match accepted {
                    Ok(accepted) => accepted,
                    Err(error) => {
                        warn!(%error, "a PostgreSQL connection could not be accepted");
                        continue;
                    }
                },
                _ = stop.wait_for(|stop| *stop) => return Ok(()),
            };
            let Ok(place) = places.clone().try_acquire_owned() else {
                warn!(%peer, limit = self.max_connections, "refused: serve.max_connections reached");
                continue;
            };
            let (tls, handlers) = (self.tls.clone(), self.handlers.clone());
            tokio::spawn(async move {
                let _place = place;
                if let Err(error) = process_socket(socket, tls, handlers).await {
                    info!(%peer, %error, "a PostgreSQL connection ended");
                }
            });
        }
    }
}

fn tls(certificate: &str, key: &str) -> Result<Option<TlsAcceptor>> {
    if certificate.is_empty() && key.is_empty() {
        return Ok(None);
    }
    if certificate.is_empty() || key.is_empty() {
        bail!("serve.tls_certificate and serve.tls_key go together: set both, or neither");
    }
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| format!("cannot read serve.tls_certificate {certificate}"))?;
    let private = PrivateKeyDer::from_pem_file(key)
        .with_context(|| format!("cannot read serve.tls_key {key}"))?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .with_context(|| format!("{certificate} and {key} do not fit together"))?;
    Ok(Some(TlsAcceptor::from(Arc::new(config))))
}

struct Handlers {
    service: Arc<DfSessionService>,
    startup: Arc<Startup>,
    cancel: Arc<DefaultCancelHandler>,
}

impl PgWireServerHandlers for Handlers {
    fn simple_query_handler(&self) -> Arc<impl SimpleQueryHandler> {
        self.service.clone()
    }

    fn extended_query_handler(&self) -> Arc<impl ExtendedQueryHandler> {
        self.service.clone()
    }

    fn startup_handler(&self) -> Arc<impl StartupHandler> {
        Arc::new(self.startup.for_connection())
    }

    fn cancel_handler(&self) -> Arc<impl CancelHandler> {
        self.cancel.clone()
    }
}

/// How connections begin.
enum Startup {
    Trust(Arc<ConnectionManager>),
    Scram { secret: Arc<ScramSecret>, connections: Arc<ConnectionManager> },
}

impl Startup {
    fn scram(user: &str, password: &str, connections: Arc<ConnectionManager>) -> Self {
        // One salt for the life of the server: a client that is refused learns
        // nothing by asking again.
        let salt = rand_salt();
        let salted = gen_salted_password(password, &salt, SCRAM_ITERATIONS);
        Self::Scram {
            secret: Arc::new(ScramSecret { user: user.to_owned(), salt, salted }),
            connections,
        }
    }

    /// SASL keeps the state of one exchange, so each connection has its own.
    fn for_connection(&self) -> ConnectionStartup {
        match self {
            Self::Trust(connections) => ConnectionStartup::Trust(Trust(connections.clone())),
            Self::Scram { secret, connections } => {
                let mut scram = ScramAuth::new(secret.clone());
                scram.set_iterations(SCRAM_ITERATIONS);
                ConnectionStartup::Scram(Box::new(
                    SASLAuthStartupHandler::new(
                        Arc::new(DefaultServerParameterProvider::default()),
                    )
                    .with_scram(scram)
                    .with_connection_manager(connections.clone()),
                ))
            }
        }
    }
}

fn rand_salt() -> Vec<u8> {
    use std::hash::{BuildHasher, RandomState};
    (0..2_u8).flat_map(|n| RandomState::new().hash_one(n).to_le_bytes()).collect()
}

/// The one user's salted password; the password itself is not kept.
struct ScramSecret {
    user: String,
    salt: Vec<u8>,
    salted: Vec<u8>,
}

impl fmt::Debug for ScramSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ScramSecret({})", self.user)
    }
}

#[async_trait]
impl AuthSource for ScramSecret {
    async fn get_password(&self, login: &LoginInfo) -> PgWireResult<Password> {
        match login.user() {
            Some(user) if user == self.user => {
                Ok(Password::new(Some(self.salt.clone()), self.salted.clone()))
            }
            user => Err(PgWireError::InvalidPassword(user.unwrap_or_default().to_owned())),
        }
    }
}

struct Trust(Arc<ConnectionManager>);

#[async_trait]
impl NoopStartupHandler for Trust {
    fn connection_manager(&self) -> Option<Arc<ConnectionManager>> {
        Some(self.0.clone())
    }
}

enum ConnectionStartup {
    Trust(Trust),
    Scram(Box<SASLAuthStartupHandler<DefaultServerParameterProvider>>),
}

#[async_trait]
impl StartupHandler for ConnectionStartup {
    async fn on_startup<C>(
        &self,
        client: &mut C,
        message: PgWireFrontendMessage,
    ) -> PgWireResult<()>
    where
        C: ClientInfo + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::Error: fmt::Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        match self {
            Self::Trust(trust) => trust.on_startup(client, message).await,
            Self::Scram(scram) => scram.on_startup(client, message).await,
        }
    }
}
