//! The running origin: routes, the listener, and stopping.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware::{from_fn_with_state, map_response};
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::anti_leech::AntiLeech;
use crate::app::{App, State};
use crate::cache::Cache;
use crate::catalog::Catalog;
use crate::config::Config;
use crate::connection::{Connection, Door};
use crate::error::Error;
use crate::overlay::{self, Opener};
use crate::secret::Secret;
use crate::session::Sessions;
use crate::sign::Signer;
use crate::telemetry::{self, Store};
use crate::{admin, keys, media, playinfo, renew, reply, viewer, www};

/// An origin that answers requests until it is shut down or dropped.
#[derive(Debug)]
pub struct Origin {
    addr: SocketAddr,
    app: App,
    stop: watch::Sender<()>,
    server: JoinHandle<()>,
}

impl Origin {
    /// Starts an origin; packages media first if the configuration asks for it. Must run in a tokio runtime.
    ///
    /// # Errors
    /// The address is taken, the sample, the database or the overlay key cannot be read, or there is no randomness.
    pub async fn bind(config: Config) -> Result<Self, Error> {
        Self::bind_with(config, &|_| ()).await
    }

    /// Like [`Origin::bind`]; `progress` gets lines for people while media is packaged.
    ///
    /// # Errors
    /// As [`Origin::bind`].
    pub async fn bind_with(config: Config, progress: &(dyn Fn(&str) + Sync)) -> Result<Self, Error> {
        // Before packaging, so that a taken port is told at once.
        let listen = |source| Error::Listen { addr: config.listen, source };
        let listener = TcpListener::bind(config.listen).await.map_err(listen)?;
        let addr = listener.local_addr().map_err(listen)?;
        let (stop, stopped) = watch::channel(());
        let catalog = Catalog::open(&config, progress).await?;
        let signer = Signer::new(or_random(config.secret)?);
        let derived = || Secret::new(hex::encode(signer.derive_block("anti-leech", "key")));
        let anti_leech = AntiLeech::new(config.anti_leech_key.unwrap_or_else(derived));
        let app = Arc::new(State {
            catalog,
            segments: Cache::default(),
            signer,
            anti_leech,
            opener: Opener::new(&config.overlay_key)?,
            admin_token: or_random(config.admin_token)?,
            sessions: Sessions::default(),
            store: Store::open(config.db.as_deref())?,
            www: config.www,
            url_ttl_s: config.url_ttl_s,
            token_ttl_s: config.token_ttl_s,
            stop: stopped.clone(),
        });
        let service = router(&app).into_make_service_with_connect_info::<Connection>();
        let server = axum::serve(Door(listener), service).with_graceful_shutdown(ended(stopped));
        // Serving ends only by shutdown: failures to accept are retried inside.
        let server = tokio::spawn(async move { server.await.unwrap_or_default() });
        Ok(Self { addr, app, stop, server })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What opens `/admin`.
    pub fn admin_token(&self) -> &Secret {
        &self.app.admin_token
    }

    /// The ids of what can be played.
    pub fn assets(&self) -> Vec<String> {
        self.app.catalog.ids().map(str::to_owned).collect()
    }

    /// Stops: nothing new is accepted, bodies under way break off. Connections that do not end are left behind.
    pub async fn shutdown(self) {
        drop(self.stop);
        // Late is as good as done: the runtime drops what is left.
        let _ = tokio::time::timeout(SHUTDOWN_MAX, self.server).await;
    }
}

const SHUTDOWN_MAX: Duration = Duration::from_secs(2);

fn router(app: &App) -> Router {
    let routes = Router::new()
        .route("/getplayinfo/{version}/{app_id}/{file_id}", get(playinfo::serve))
        .route("/playinfo/{file_id}", get(playinfo::neutral::serve))
        .route("/media/{asset}/{*name}", get(media::serve))
        .route("/keys/{asset}/{id}", get(keys::serve))
        .route("/overlay-key", get(overlay::serve))
        .route("/renew", post(renew::serve))
        .merge(telemetry::routes())
        .merge(admin::routes(app))
        .fallback(www::serve)
        .layer(map_response(reply::error_as_json))
        .with_state(App::clone(app));
    // The middleware rewrites the path, so it wraps a router that only forwards to the one that routes.
    Router::new().fallback_service(routes).layer(from_fn_with_state(App::clone(app), viewer::enter))
}

async fn ended(mut stop: watch::Receiver<()>) {
    // An error means that the sender is gone, which is the signal.
    while stop.changed().await.is_ok() {}
}

fn or_random(secret: Option<Secret>) -> Result<Secret, Error> {
    secret.map_or_else(|| Secret::random().map_err(Error::from), Ok)
}
