//! What a program with the crate object_store would do: `object-store-loop URL BUCKET get|put SECONDS CALLERS`.
//!
//! Credentials come from the environment. Objects of 4 KiB below `loop/`; the number of calls is printed as JSON.

use std::{
    cell::Cell,
    env,
    error::Error,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use object_store::{ObjectStore, ObjectStoreExt, PutPayload, aws::AmazonS3Builder, path::Path};
use tokio::task::LocalSet;

const KEYS: usize = 64;
const SIZE: usize = 4096;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = env::args().skip(1).collect();
    let [url, bucket, operation, seconds, callers] = words.as_slice() else {
        return Err("usage: object-store-loop URL BUCKET get|put SECONDS CALLERS".into());
    };
    let (seconds, callers): (u64, usize) = (seconds.parse()?, callers.parse()?);
    let store = AmazonS3Builder::from_env().with_endpoint(url).with_bucket_name(bucket);
    let store: Arc<dyn ObjectStore> = Arc::new(store.with_region("us-east-1").with_allow_http(true).build()?);
    let payload = PutPayload::from(vec![b'x'; SIZE]);
    let keys: Vec<Path> = (0..KEYS).map(|number| Path::from(format!("loop/{number:012}"))).collect();
    for key in &keys {
        store.put(key, payload.clone()).await?;
    }
    let end = Instant::now() + Duration::from_secs(seconds);
    let (calls, failures) = (Rc::new(Cell::new(0u64)), Rc::new(Cell::new(0u64)));
    let local = LocalSet::new();
    for caller in 0..callers {
        let (store, payload, keys) = (store.clone(), payload.clone(), keys.clone());
        let (calls, failures, put) = (calls.clone(), failures.clone(), operation == "put");
        local.spawn_local(async move {
            let mut turn = caller;
            while Instant::now() < end {
                let key = &keys[turn % KEYS];
                turn += callers;
                let good = if put {
                    store.put(key, payload.clone()).await.is_ok()
                } else {
                    match store.get(key).await {
                        Ok(answer) => answer.bytes().await.is_ok_and(|bytes| bytes.len() == SIZE),
                        Err(_) => false,
                    }
                };
                let count = if good { &calls } else { &failures };
                count.set(count.get() + 1);
            }
        });
    }
    local.await;
    println!("{{\"successes\": {}, \"failures\": {}}}", calls.get(), failures.get());
    Ok(())
}
