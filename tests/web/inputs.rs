//! An inbox that keeps what it is given, for the browser tests to look at.

use std::cell::RefCell;
use std::rc::Rc;

use cloud_player::engine::Input;
use cloud_player::web::Inbox;
use wasm_bindgen_futures::JsFuture;

#[derive(Clone, Default)]
pub(crate) struct Inputs(Rc<RefCell<Vec<Input>>>);

impl Inputs {
    pub(crate) fn inbox(&self) -> Inbox {
        let kept = self.0.clone();
        Inbox::new(move |input| kept.borrow_mut().push(input))
    }

    /// All that came since the last look.
    pub(crate) fn take(&self) -> Vec<Input> {
        self.0.take()
    }

    /// The next inputs; a test that waits in vain fails here.
    pub(crate) async fn next_batch(&self) -> Vec<Input> {
        for _ in 0..500 {
            let inputs = self.take();
            if !inputs.is_empty() {
                return inputs;
            }
            pause(10).await;
        }
        panic!("nothing came for five seconds");
    }

    /// Waits for this input, and drops what came before and with it.
    pub(crate) async fn wait_for(&self, wanted: impl Fn(&Input) -> bool) -> Input {
        loop {
            let batch = self.next_batch().await;
            let seen = format!("{batch:?}");
            if let Some(input) = batch.into_iter().find(&wanted) {
                return input;
            }
            if seen.contains("Failed") {
                panic!("got {seen}");
            }
        }
    }
}

/// Lets the browser work for a while.
pub(crate) async fn pause(millis: u32) {
    let promise = js_sys::eval(&format!("new Promise((resolve) => setTimeout(resolve, {millis}))")).unwrap();
    JsFuture::from(js_sys::Promise::from(promise)).await.unwrap();
}
