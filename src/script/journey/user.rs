//! The virtual user that a journey is called with.

use rhai::{Map, plugin::*};

/// `vu`: who goes through the journey, and for the how-manieth time.
#[derive(Clone)]
pub struct VirtualUser {
    number: u64,
    turn: u64,
    /// A map that stays from one journey of this user to the next.
    state: Dynamic,
}

impl VirtualUser {
    pub fn new(number: u64) -> Self {
        Self { number, turn: 0, state: Dynamic::from_map(Map::new()).into_shared() }
    }

    /// Makes the variable `user` the same user on the journey `turn` of the load.
    pub fn enter(&self, turn: u64, user: &mut Dynamic) {
        // A closure may have taken it along, or the script have put something else there.
        match user.is_shared() {
            false if let Some(mut known) = user.write_lock::<Self>() => known.turn = turn,
            _ => *user = Dynamic::from(Self { turn, ..self.clone() }),
        }
    }
}

/// Fields of `vu`, the virtual user that a journey is called with.
#[export_module]
pub mod face {
    /// The number of the virtual user, from 0.
    ///
    /// ```rhai,no_run
    /// let api = http::client("http://127.0.0.1:8080");
    /// let own = load::journey("own", |vu| {
    ///     api.get(`/users/${vu.number}`, #{ name: "user" }).run();
    /// });
    /// load::run(own, #{ concurrency: 10, duration: "10s" });
    /// ```
    #[rhai_fn(get = "number", pure)]
    pub fn number(user: &mut VirtualUser) -> i64 {
        user.number as i64
    }

    /// The number of the journey among all journeys of the load, from 0: what generators draw their values for.
    ///
    /// ```rhai,no_run
    /// let api = http::client("http://127.0.0.1:8080");
    /// let orders = load::journey("orders", |vu| {
    ///     api.post("/orders", #{ json: #{ id: vu.turn } }).run();
    /// });
    /// load::run(orders, #{ concurrency: 10, duration: "10s" });
    /// ```
    #[rhai_fn(get = "turn", pure)]
    pub fn turn(user: &mut VirtualUser) -> i64 {
        user.turn as i64
    }

    /// A map of the virtual user's own, empty at first, that it finds again on its next journey.
    ///
    /// ```rhai,no_run
    /// let api = http::client("http://127.0.0.1:8080");
    /// let login = api.post("/login");
    /// let home = api.get("/");
    /// let shop = load::journey("shop", |vu| {
    ///     if !("session" in vu.state) {
    ///         vu.state.session = login.run().body;
    ///     }
    ///     home.run();
    /// });
    /// load::run(shop, #{ concurrency: 10, duration: "10s" });
    /// ```
    #[rhai_fn(get = "state", pure)]
    pub fn state(user: &mut VirtualUser) -> Dynamic {
        user.state.clone()
    }

    #[rhai_fn(name = "to_string", name = "to_debug", pure)]
    pub fn to_string(user: &mut VirtualUser) -> String {
        format!("virtual user {} on journey {}", user.number, user.turn)
    }
}
