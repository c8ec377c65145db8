//! What `catch (err)` sees.

use rhai::{Array, Engine, plugin::*};

use crate::error::Error as Raised;

/// The type by the name that scripts know.
pub fn register(engine: &mut Engine) {
    engine.register_type_with_name::<Raised>("Error");
}

/// What a failed call or a mistake says.
#[export_module]
pub mod errors {
    type Error = Raised;

    /// The kind of error: `usage`, `unavailable`, `protocol` or `io`.
    ///
    /// ```rhai
    /// try { http::client("no url"); } catch (err) { print(err.kind); }    // usage
    /// ```
    #[rhai_fn(get = "kind", pure)]
    pub fn kind(error: &mut Error) -> String {
        error.kind.word().to_owned()
    }

    /// What was tried and what came back, in one sentence.
    ///
    /// ```rhai
    /// try { http::client("no url"); } catch (err) { print(err.message); }
    /// ```
    #[rhai_fn(get = "message", pure)]
    pub fn message(error: &mut Error) -> String {
        error.to_string()
    }

    /// The failure class of the call that failed, such as `timeout` or `status_5xx`; `()` if no call was made.
    ///
    /// ```rhai,no_run
    /// let health = http::client("http://127.0.0.1:8080").get("/health");
    /// try { health.run(); } catch (err) { if err.class == "refused" { print("not up yet"); } else { throw err; } }
    /// ```
    #[rhai_fn(get = "class", pure)]
    pub fn class(error: &mut Error) -> Dynamic {
        error.class.map_or(Dynamic::UNIT, Dynamic::from)
    }

    /// What can be done about it, an array of texts.
    ///
    /// ```rhai
    /// try { http::client("no url"); } catch (err) { for hint in err.hints { print(hint); } }
    /// ```
    #[rhai_fn(get = "hints", pure)]
    pub fn hints(error: &mut Error) -> Array {
        error.hints.iter().map(|hint| hint.clone().into()).collect()
    }

    #[rhai_fn(name = "to_string", name = "to_debug", pure)]
    pub fn to_string(error: &mut Error) -> String {
        error.to_string()
    }
}
