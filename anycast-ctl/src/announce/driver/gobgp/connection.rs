//! One HTTP/2 connection to gobgpd, and the calls that are made over it.
//!
//! It is never opened again by itself: behind another connection may be another gobgpd, which has none of the routes that
//! the first one was brought to.

use std::{
    task::{Context, Poll},
    time::Duration,
};

use futures_util::future::BoxFuture;
use hyper::{
    Request, Response, Uri,
    body::Incoming,
    client::conn::http2::{self, SendRequest},
    http::uri::PathAndQuery,
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use prost::Message;
use tokio::{
    task::JoinHandle,
    time::{Instant, timeout_at},
};
use tonic::{Status, body::Body, client::Grpc};
use tonic_prost::ProstCodec;
use tower_service::Service;

use super::{
    super::DriverError,
    endpoint::Endpoint,
    fault::{Fault, transport},
    message::{GetBgpRequest, GetBgpResponse},
};

/// How long gobgpd may take, in all, for what is wanted of it at a time. Shorter than the patience of whoever uses the driver,
/// so that it hears what was not answered.
const PATIENCE: Duration = Duration::from_secs(4);

/// Bytes of a message: the paths that all neighbours have to one prefix, or all about one neighbour.
const MAX_MESSAGE: usize = 256 << 10;
/// Bytes of headers that are taken.
const MAX_HEADERS: u32 = 16 << 10;
/// Bytes that gobgpd may send ahead of what was read.
const WINDOW: u32 = 256 << 10;

/// A method of `apipb.GobgpApi`.
#[derive(Clone, Copy, Debug)]
pub struct Method {
    name: &'static str,
    path: &'static str,
}

/// Declares methods by their names.
macro_rules! methods {
    ($($constant:ident $name:literal)*) => {$(
        pub const $constant: Method = Method { name: $name, path: concat!("/apipb.GobgpApi/", $name) };
    )*};
}

methods! {
    GET_BGP "GetBgp"
    ADD_PATH "AddPath"
    DELETE_PATH "DeletePath"
    LIST_PATH "ListPath"
    LIST_PEER "ListPeer"
}

/// The connection.
pub struct Connection {
    endpoint: Endpoint,
    client: Grpc<Http2>,
    carrier: JoinHandle<()>,
    deadline: Instant,
}

impl Connection {
    /// # Errors
    /// Nobody listens there, or it does not speak HTTP/2.
    pub async fn open(endpoint: Endpoint) -> Result<Self, DriverError> {
        let deadline = Instant::now() + PATIENCE;
        let dialled = timeout_at(deadline, endpoint.dial()).await;
        let stream = dialled.map_err(|_| late(&endpoint, "the connection"))??;
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .max_header_list_size(MAX_HEADERS)
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW);
        let shaken = timeout_at(deadline, builder.handshake(TokioIo::new(stream))).await;
        let shaken = shaken.map_err(|_| late(&endpoint, "the connection"))?;
        let (sender, carried) = shaken.map_err(|error| transport(&endpoint, &error))?;
        // How the connection ends, calls are told as well.
        let carrier = tokio::spawn(async move {
            let _ = carried.await;
        });
        let client = Grpc::with_origin(Http2(sender), Uri::from_static("http://localhost"))
            .max_decoding_message_size(MAX_MESSAGE);
        Ok(Self { endpoint, client, carrier, deadline })
    }

    /// Begins something: from here on the time that gobgpd may take runs.
    pub fn begin(&mut self) {
        self.deadline = Instant::now() + PATIENCE;
    }

    /// The number of gobgpd's autonomous system.
    ///
    /// # Errors
    /// It was started without BGP.
    pub async fn asn(&self) -> Result<u32, DriverError> {
        let answer: GetBgpResponse = self.call(GET_BGP, GetBgpRequest {}).await.map_err(Fault::of_all)?;
        match answer.global.map_or(0, |global| global.asn) {
            0 => Err(DriverError::Refused(format!(
                "gobgpd at {} runs without BGP: give it a [global.config] with as and router-id, \
                 or run `gobgp global as AS router-id ADDRESS`",
                self.endpoint
            ))),
            asn => Ok(asn),
        }
    }

    /// Calls a method that answers with one message.
    ///
    /// # Errors
    /// [`Fault::Said`] is about this call only.
    pub async fn call<Q, A>(&self, method: Method, question: Q) -> Result<A, Fault>
    where
        Q: Message + 'static,
        A: Message + Default + 'static,
    {
        let call = async {
            let mut client = self.client.clone();
            ready(&mut client).await?;
            let codec = ProstCodec::<Q, A>::default();
            let path = PathAndQuery::from_static(method.path);
            Ok(client.unary(tonic::Request::new(question), path, codec).await?.into_inner())
        };
        self.in_time(method, call).await
    }

    /// Calls a method that answers with any number of messages, and hands them over as they come.
    ///
    /// # Errors
    /// As [`Self::call`].
    pub async fn list<Q, A>(&self, method: Method, question: Q, mut each: impl FnMut(A)) -> Result<(), Fault>
    where
        Q: Message + 'static,
        A: Message + Default + 'static,
    {
        let call = async {
            let mut client = self.client.clone();
            ready(&mut client).await?;
            let codec = ProstCodec::<Q, A>::default();
            let path = PathAndQuery::from_static(method.path);
            let mut answers =
                client.server_streaming(tonic::Request::new(question), path, codec).await?.into_inner();
            while let Some(answer) = answers.message().await? {
                each(answer);
            }
            Ok(())
        };
        self.in_time(method, call).await
    }

    async fn in_time<A>(
        &self,
        method: Method,
        call: impl Future<Output = Result<A, Status>>,
    ) -> Result<A, Fault> {
        match timeout_at(self.deadline, call).await {
            Ok(answer) => answer.map_err(|status| Fault::new(&self.endpoint, method.name, &status)),
            Err(_) => Err(Fault::Lost(late(&self.endpoint, method.name))),
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.carrier.abort();
    }
}

fn late(endpoint: &Endpoint, what: &str) -> DriverError {
    DriverError::Unreachable(format!(
        "gobgpd at {endpoint} did not answer {what} within {} s: see whether it hangs (`gobgp global`), restart it",
        PATIENCE.as_secs()
    ))
}

async fn ready(client: &mut Grpc<Http2>) -> Result<(), Status> {
    client.ready().await.map_err(|error| Status::from_error(error.into()))
}

/// What carries gRPC.
#[derive(Clone)]
struct Http2(SendRequest<Body>);

impl Service<Request<Body>> for Http2 {
    type Response = Response<Incoming>;
    type Error = hyper::Error;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        Box::pin(self.0.send_request(request))
    }
}
