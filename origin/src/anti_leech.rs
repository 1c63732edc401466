//! Key anti-leech on URLs, as Tencent Cloud VOD documents it (document 266/33986).
//!
//! A URL ends in `?t=<hex>&exper=<s>&rlimit=<n>&us=<text>&sign=<hex>`, where `t` is when it ends, in Unix seconds, and
//! the signature is MD5(KEY + Dir + t + exper + rlimit + us), of those that are there. Dir is a directory with its final
//! slash: one signature holds for all that lies in it. A preview (`exper`, in seconds) and a limit of addresses (`rlimit`)
//! are covered by the signature and not enforced.

use std::collections::HashMap;

use md5::{Digest as _, Md5};

use crate::error::Refusal;
use crate::secret::Secret;
use crate::sign::{directories, same_secret};

/// Holds the KEY.
#[derive(Debug)]
pub(crate) struct AntiLeech {
    key: Secret,
}

/// The parameters of a URL, as they stand in it.
#[derive(Clone, Copy, Debug, Default)]
struct Parameters<'a> {
    t: &'a str,
    exper: &'a str,
    rlimit: &'a str,
    us: &'a str,
}

impl<'a> Parameters<'a> {
    fn of(query: &'a HashMap<String, String>) -> Self {
        let given = |name: &str| query.get(name).map_or("", String::as_str);
        Self { t: given("t"), exper: given("exper"), rlimit: given("rlimit"), us: given("us") }
    }
}

impl AntiLeech {
    pub(crate) fn new(key: Secret) -> Self {
        Self { key }
    }

    /// The query of URLs below `directory`, until `expires`, in Unix seconds.
    pub(crate) fn query(&self, directory: &str, expires: u64) -> String {
        let mut us = [0; 5];
        // It only makes URLs differ: without randomness it is all zeros.
        let _ = getrandom::fill(&mut us);
        let (t, us) = (format!("{expires:x}"), hex::encode(us));
        let sign = self.sign(directory, Parameters { t: &t, us: &us, ..Parameters::default() });
        format!("t={t}&us={us}&sign={sign}")
    }

    /// Checks the parameters of a request for `path`.
    pub(crate) fn check(
        &self,
        path: &str,
        query: &HashMap<String, String>,
        now_s: u64,
    ) -> Result<(), Refusal> {
        let parameters = Parameters::of(query);
        judge(query, now_s, directories(path).map(|directory| self.sign(directory, parameters)))
    }

    /// Checks the signature on a request for play info of version 2: MD5(KEY + appId + fileId + t + exper + us).
    pub(crate) fn check_play_info(
        &self,
        app_id: &str,
        file_id: &str,
        query: &HashMap<String, String>,
        now_s: u64,
    ) -> Result<(), Refusal> {
        let Parameters { t, exper, us, .. } = Parameters::of(query);
        judge(query, now_s, [self.hash(&[app_id, file_id, t, exper, us])])
    }

    fn sign(&self, directory: &str, Parameters { t, exper, rlimit, us }: Parameters<'_>) -> String {
        self.hash(&[directory, t, exper, rlimit, us])
    }

    fn hash(&self, parts: &[&str]) -> String {
        let digest = parts.iter().fold(Md5::new_with_prefix(self.key.expose()), Md5::chain_update);
        hex::encode(digest.finalize())
    }
}

/// Whether the signature in the query is one of these, and the time in it is to come.
fn judge(
    query: &HashMap<String, String>,
    now_s: u64,
    signs: impl IntoIterator<Item = String>,
) -> Result<(), Refusal> {
    let t = Parameters::of(query).t;
    let Some(given) = query.get("sign").filter(|sign| !sign.is_empty() && !t.is_empty()) else {
        return Err(Refusal::forbidden("signature_missing", "this address needs t and sign"));
    };
    let given = given.to_ascii_lowercase();
    let holds = signs.into_iter().any(|sign| same_secret(sign.as_bytes(), given.as_bytes()));
    match u64::from_str_radix(t, 16).ok().filter(|_| holds) {
        None => Err(Refusal::forbidden("signature_invalid", "the signature does not match this address")),
        Some(ends) if ends <= now_s => {
            Err(Refusal::forbidden("signature_expired", "the address has expired"))
        }
        Some(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the documentation, and the same with the parameters that it leaves out.
    #[test]
    fn the_documented_example() {
        let leech = AntiLeech::new(Secret::new("24FEQmTzro4V5u3D5epW"));
        let path = "/dir1/dir2/myVideo.mp4";
        for (exper, rlimit, sign) in [
            ("", "", "3d8488faeb37d52d6bf63b63c1b171c3"),
            ("", "3", "c5214f0d5961b13acd558b4957c4dfc5"),
            ("300", "", "547d98c4b91e81b5ea55c95cef63223f"),
            ("300", "3", "eb55b390b9a63c3cfa1526a5945a15fd"),
        ] {
            let parameters = Parameters { t: "5a71afc0", exper, rlimit, us: "72d4cd1101" };
            assert_eq!(leech.sign("/dir1/dir2/", parameters), sign);
            let query = [
                ("t", "5a71afc0"),
                ("exper", exper),
                ("rlimit", rlimit),
                ("us", "72d4cd1101"),
                ("sign", sign),
            ];
            let query = query.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
            assert!(leech.check(path, &query, 0x5a71_afbf).is_ok());
            assert!(leech.check("/dir1/dir2/360p/0.ts", &query, 0x5a71_afbf).is_ok());
            assert_eq!(leech.check(path, &query, 0x5a71_afc0).unwrap_err().code, "signature_expired");
            assert_eq!(leech.check("/dir1/x.mp4", &query, 0).unwrap_err().code, "signature_invalid");
            assert_eq!(leech.check("/dir1/dir2", &query, 0).unwrap_err().code, "signature_invalid");
        }
    }
}
