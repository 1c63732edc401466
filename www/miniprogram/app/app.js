App({
  globalData: {
    // `cargo xtask demo` starts the reference origin here. On a phone it is this computer's address in the local network.
    origin: 'http://127.0.0.1:8300',
  },
});
