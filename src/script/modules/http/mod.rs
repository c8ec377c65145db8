//! The Rhai module `http`.

mod options;

use std::{any::Any, sync::Arc};

use rhai::{Blob, Map, plugin::*};

use crate::error::{Error, Result};
use crate::measure::{Outcome, clock::millis};
use crate::script::{
    ScriptResult,
    operation::Op,
    options::{from_json, options},
    raise,
};
use crate::services::http::{self as service, ClientOptions, HttpReply, Request};

/// A server that scripts describe requests to.
#[derive(Clone)]
pub struct HttpClient(Arc<service::HttpClient>);

/// What `run()` of a request returns.
#[derive(Clone)]
pub struct HttpResponse {
    reply: Arc<HttpReply>,
    elapsed_ns: u64,
}

/// HTTP requests, described once and performed by `run()` or under load.
///
/// Options of a request: `query`, `headers` (maps), `json` (any value), `body` (a text or `data::bytes(n)`),
/// `template` (a text with `{name}` for parameters, `{{` and `}}` for braces), `expect` (statuses that count as
/// success: `404`, `"4xx"` or an array; 2xx), `follow_redirects` (0), `name` (what it is called in results), `params`.
/// Every other key is a parameter that stands for `{key}` in the path, headers or template.
#[export_module]
pub mod http {
    /// A server at `url`. Nothing is sent until an operation runs.
    ///
    /// ```rhai
    /// let api = http::client("http://127.0.0.1:8080");
    /// ```
    #[rhai_fn(return_raw)]
    pub fn client(ctx: NativeCallContext, url: &str) -> ScriptResult<HttpClient> {
        service::client(url, ClientOptions::default()).map(HttpClient).map_err(raise(&ctx))
    }

    /// A server at `url` with options: `headers` of every request, `keep_alive` (true), `ca` (a PEM file to trust),
    /// `insecure` (accept any certificate), `server_name` (that the certificate must have), `user_agent`, `version` (1; with 2
    /// it is HTTP/2, one connection and one request at a time a virtual user).
    ///
    /// ```rhai
    /// let api = http::client("https://127.0.0.1:8443", #{ insecure: true, headers: #{ accept: "application/json" } });
    /// ```
    /// ```rhai
    /// let api = http::client("https://127.0.0.1:8443", #{ version: 2, insecure: true });
    /// ```
    #[rhai_fn(name = "client", return_raw)]
    pub fn client_with(ctx: NativeCallContext, url: &str, settings: Map) -> ScriptResult<HttpClient> {
        let client = options("http::client", settings).and_then(|settings| service::client(url, settings));
        client.map(HttpClient).map_err(raise(&ctx))
    }

    /// The operation `GET path`.
    ///
    /// ```rhai
    /// let home = http::client("http://127.0.0.1:8080").get("/");
    /// ```
    #[rhai_fn(global, return_raw, pure)]
    pub fn get(ctx: NativeCallContext, client: &mut HttpClient, path: &str) -> ScriptResult<Op> {
        client.request("GET", path, Map::new()).map_err(raise(&ctx))
    }

    /// The operation `GET path` with options and parameters.
    ///
    /// ```rhai
    /// let api = http::client("http://127.0.0.1:8080");
    /// let user = api.get("/users/{user}", #{ user: data::uniform(1, 1_000), query: #{ full: true }, expect: [200, 404] });
    /// ```
    #[rhai_fn(global, name = "get", return_raw, pure)]
    pub fn get_with(
        ctx: NativeCallContext,
        client: &mut HttpClient,
        path: &str,
        settings: Map,
    ) -> ScriptResult<Op> {
        client.request("GET", path, settings).map_err(raise(&ctx))
    }

    /// The operation `HEAD path`.
    ///
    /// ```rhai
    /// let probe = http::client("http://127.0.0.1:8080").head("/");
    /// ```
    #[rhai_fn(global, return_raw, pure)]
    pub fn head(ctx: NativeCallContext, client: &mut HttpClient, path: &str) -> ScriptResult<Op> {
        client.request("HEAD", path, Map::new()).map_err(raise(&ctx))
    }

    #[rhai_fn(global, name = "head", return_raw, pure)]
    pub fn head_with(
        ctx: NativeCallContext,
        client: &mut HttpClient,
        path: &str,
        settings: Map,
    ) -> ScriptResult<Op> {
        client.request("HEAD", path, settings).map_err(raise(&ctx))
    }

    /// The operation `POST path`.
    ///
    /// ```rhai
    /// let api = http::client("http://127.0.0.1:8080");
    /// let order = api.post("/orders", #{ json: #{ item: data::zipf(1, 500), note: data::text(8) }, expect: 201 });
    /// ```
    #[rhai_fn(global, return_raw, pure)]
    pub fn post(
        ctx: NativeCallContext,
        client: &mut HttpClient,
        path: &str,
        settings: Map,
    ) -> ScriptResult<Op> {
        client.request("POST", path, settings).map_err(raise(&ctx))
    }

    /// The operation `PUT path`.
    ///
    /// ```rhai
    /// let api = http::client("http://127.0.0.1:8080");
    /// let upload = api.put("/blobs/{id}", #{ id: data::sequence(), body: data::bytes(4_096) });
    /// ```
    #[rhai_fn(global, return_raw, pure)]
    pub fn put(
        ctx: NativeCallContext,
        client: &mut HttpClient,
        path: &str,
        settings: Map,
    ) -> ScriptResult<Op> {
        client.request("PUT", path, settings).map_err(raise(&ctx))
    }

    /// The operation `PATCH path`.
    ///
    /// ```rhai
    /// let api = http::client("http://127.0.0.1:8080");
    /// let rename = api.patch("/users/7", #{ template: `{{"name": "{name}"}}`, params: #{ name: data::text(2) } });
    /// ```
    #[rhai_fn(global, return_raw, pure)]
    pub fn patch(
        ctx: NativeCallContext,
        client: &mut HttpClient,
        path: &str,
        settings: Map,
    ) -> ScriptResult<Op> {
        client.request("PATCH", path, settings).map_err(raise(&ctx))
    }

    /// The operation `DELETE path`.
    ///
    /// ```rhai
    /// let api = http::client("http://127.0.0.1:8080");
    /// let remove = api.delete("/users/{id}", #{ id: data::sequence(), expect: 204 });
    /// ```
    #[rhai_fn(global, return_raw, pure)]
    pub fn delete(
        ctx: NativeCallContext,
        client: &mut HttpClient,
        path: &str,
        settings: Map,
    ) -> ScriptResult<Op> {
        client.request("DELETE", path, settings).map_err(raise(&ctx))
    }

    /// An operation with any method.
    ///
    /// ```rhai
    /// let api = http::client("http://127.0.0.1:8080");
    /// let allowed = api.request("OPTIONS", "/users", #{ expect: [200, 204] });
    /// ```
    #[rhai_fn(global, return_raw, pure)]
    pub fn request(
        ctx: NativeCallContext,
        client: &mut HttpClient,
        method: &str,
        path: &str,
        settings: Map,
    ) -> ScriptResult<Op> {
        client.request(method, path, settings).map_err(raise(&ctx))
    }

    /// The status of a response.
    ///
    /// ```rhai
    /// fn found(response) { response.status == 200 }
    /// ```
    #[rhai_fn(global, get = "status", pure)]
    pub fn status(response: &mut HttpResponse) -> i64 {
        i64::from(response.reply.status)
    }

    /// The body of a response as a text; bytes that are no UTF-8 are replaced.
    ///
    /// ```rhai
    /// fn is_empty(response) { response.body == "" }
    /// ```
    #[rhai_fn(global, get = "body", pure)]
    pub fn body(response: &mut HttpResponse) -> String {
        String::from_utf8_lossy(&response.reply.body).into_owned()
    }

    /// The body of a response as bytes.
    ///
    /// ```rhai
    /// fn size(response) { response.bytes.len() }
    /// ```
    #[rhai_fn(global, get = "bytes", pure)]
    pub fn bytes(response: &mut HttpResponse) -> Blob {
        response.reply.body.clone()
    }

    /// The body of a response read as JSON; throws if it is none.
    ///
    /// ```rhai
    /// fn first_id(response) { response.json[0].id }
    /// ```
    #[rhai_fn(global, get = "json", return_raw, pure)]
    pub fn json(ctx: NativeCallContext, response: &mut HttpResponse) -> ScriptResult<Dynamic> {
        serde_json::from_slice(&response.reply.body).map(from_json).map_err(|error| {
            let start: String = String::from_utf8_lossy(&response.reply.body).chars().take(60).collect();
            let error =
                Error::new(crate::error::ErrorKind::Protocol, format!("the answer is not JSON: `{start}`"))
                    .because(&error);
            raise(&ctx)(error)
        })
    }

    /// The headers of a response as a map with lower-case names; of repeated ones the last.
    ///
    /// ```rhai
    /// fn kind(response) { response.headers["content-type"] }
    /// ```
    #[rhai_fn(global, get = "headers", pure)]
    pub fn headers(response: &mut HttpResponse) -> Map {
        let headers = response.reply.headers.list().into_iter();
        headers.map(|(name, value)| (name.into(), value.into())).collect()
    }

    /// How long the call took, a new connection included, in milliseconds.
    ///
    /// ```rhai
    /// fn slow(response) { response.elapsed_ms > 100.0 }
    /// ```
    #[rhai_fn(global, get = "elapsed_ms", pure)]
    pub fn elapsed_ms(response: &mut HttpResponse) -> f64 {
        millis(response.elapsed_ns)
    }

    #[rhai_fn(global, name = "to_string", name = "to_debug", pure)]
    pub fn response_to_string(response: &mut HttpResponse) -> String {
        let reply = &response.reply;
        format!("{}, {} bytes in {:.3} ms", reply.status, reply.body.len(), millis(response.elapsed_ns))
    }

    #[rhai_fn(global, name = "to_string", name = "to_debug", pure)]
    pub fn client_to_string(client: &mut HttpClient) -> String {
        use crate::load::Client;
        client.0.endpoint()
    }
}

fn response(reply: Box<dyn Any + Send>, _outcome: Outcome, elapsed_ns: u64) -> Dynamic {
    let reply = *reply.downcast::<HttpReply>().expect("an HTTP session replies with an HttpReply");
    Dynamic::from(HttpResponse { reply: Arc::new(reply), elapsed_ns })
}

impl HttpClient {
    fn request(&self, method: &str, path: &str, settings: Map) -> Result<Op> {
        let settings = options::request_options(method, path, settings)?;
        Ok(Op::new(Request::new(&self.0, method, path, settings)?, response))
    }
}
