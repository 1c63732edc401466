//! A case a scheme; what holds for all of them is in the tests.

/// `{"Statement":[{"Resource":"http*://h/d/*","Condition":{"DateLessThan":{"AWS:EpochTime":1700000000},…}}]}`
pub(super) const POLICY: &str = "eyJTdGF0ZW1lbnQiOlt7IlJlc291cmNlIjoiaHR0cCo6Ly9oL2QvKiIsIkNvbmRpdGlvbiI6eyJEYXRlTGVzc1RoYW4iOnsiQVdTOkVwb2NoVGltZSI6MTcwMDAwMDAwMH0sIkRhdGVHcmVhdGVyVGhhbiI6eyJBV1M6RXBvY2hUaW1lIjoxNjkwMDAwMDAwfX19XX0_";
/// The same until 1800000000.
pub(super) const POLICY_RENEWED: &str = "eyJTdGF0ZW1lbnQiOlt7IlJlc291cmNlIjoiaHR0cCo6Ly9oL2QvKiIsIkNvbmRpdGlvbiI6eyJEYXRlTGVzc1RoYW4iOnsiQVdTOkVwb2NoVGltZSI6MTgwMDAwMDAwMH19fV19";
/// `{"sub":"lesson","kid":"7","iat":1690000000,"exp":1700000000,"jti":"a"}`
pub(super) const JWT: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJsZXNzb24iLCJraWQiOiI3IiwiaWF0IjoxNjkwMDAwMDAwLCJleHAiOjE3MDAwMDAwMDAsImp0aSI6ImEifQ.NWVjMmU3NWVjMmU3NWVjMmU3NWVjMmU3NWVjMmU3";
/// The same from 1790000000 to 1800000000, `"jti":"b"`.
pub(super) const JWT_RENEWED: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJsZXNzb24iLCJraWQiOiI3IiwiaWF0IjoxNzkwMDAwMDAwLCJleHAiOjE4MDAwMDAwMDAsImp0aSI6ImIifQ.NWVjMmU3NWVjMmU3NWVjMmU3NWVjMmU3NWVjMmU3";
/// As that with `"kid":"8"`.
pub(super) const JWT_OTHER: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJsZXNzb24iLCJraWQiOiI4IiwiaWF0IjoxNzkwMDAwMDAwLCJleHAiOjE4MDAwMDAwMDAsImp0aSI6ImIifQ.NWVjMmU3NWVjMmU3NWVjMmU3NWVjMmU3NWVjMmU3";

pub(super) struct Case {
    pub(super) scheme: &'static str,
    /// A playlist, signed.
    pub(super) url: String,
    /// The same, signed anew.
    pub(super) renewed: String,
    /// The same without a signature.
    pub(super) bare: &'static str,
    pub(super) issued: Option<i64>,
    pub(super) expires: Option<i64>,
    /// What lies where the signature holds, and what does not.
    pub(super) inside: &'static [&'static str],
    pub(super) outside: &'static [&'static str],
    /// What must not show.
    pub(super) secret: &'static str,
}

pub(super) const MD5: &str = "5ec2e75ec2e75ec2e75ec2e75ec2e75e";
pub(super) const DUE: Option<i64> = Some(1_700_000_000);

/// A case with `signature` in a query, where `renewed` is the other.
fn in_query(scheme: &'static str, bare: &'static str, signature: &str, renewed: &str) -> Case {
    let with = |signature: &str| format!("{bare}{}{signature}", if bare.contains('?') { '&' } else { '?' });
    Case {
        scheme,
        url: with(signature),
        renewed: with(renewed),
        bare,
        issued: None,
        expires: None,
        inside: &[],
        outside: &[
            "https://h/d/1.ts",
            "https://h/d/e/1.ts?start=0",
            "https://h/1.ts",
            "https://evil/d/v.m3u8",
        ],
        secret: "5ec2e7",
    }
}

pub(super) const BELOW: &[&str] =
    &["https://h/d/1.ts", "https://h/d/e/1.ts?start=0&end=99", "https://H:443/d/k?id=1#f"];
pub(super) const NOT_BELOW: &[&str] = &[
    "https://h/1.ts",
    "https://h/dd/1.ts",
    "https://h/d/../e/1.ts",
    "https://h/d/%2e%2e/e/1.ts",
    "http://h/d/1.ts",
    "https://h:8443/d/1.ts",
    "https://evil/d/1.ts",
    "https://h@evil/d/1.ts",
    "data:,x",
];

/// One a row of [`SCHEMES`], in its order; more forms of a scheme may follow its first.
pub(super) fn cases() -> Vec<Case> {
    let v = "https://h/d/v.m3u8";
    vec![
        Case {
            issued: DUE,
            ..in_query(
                "CDN type A",
                v,
                &format!("sign=1700000000-r4nd-0-{MD5}"),
                &format!("sign=1700000100-0-0-{}", MD5.replace('5', "6")),
            )
        },
        Case {
            issued: DUE,
            ..in_query(
                "CDN type A",
                "https://h/d/v.m3u8?start=1",
                &format!("auth_key=6553f100-0-0-{MD5}"),
                &format!("auth_key=1700000100-0-0-{MD5}"),
            )
        },
        Case {
            url: format!("https://h/202311150613/{MD5}/d/v.m3u8"),
            renewed: format!("https://h/202311150713/{}/d/v.m3u8", MD5.replace('5', "6")),
            issued: Some(1_699_999_980),
            ..in_query("CDN type B", v, "", "")
        },
        Case {
            url: format!("https://h/{MD5}/6553f100/d/v.m3u8"),
            renewed: format!("https://h/{}/1700000100/d/v.m3u8", MD5.replace('5', "6")),
            issued: DUE,
            ..in_query("CDN type C", v, "", "")
        },
        Case {
            expires: DUE,
            inside: BELOW,
            outside: NOT_BELOW,
            ..in_query(
                "Tencent VOD key anti-leech",
                "https://h/d/v.m3u8?start=9",
                "t=6553f100&us=72d4cd1101&exper=300&rlimit=3&sign=5ec2e7",
                "t=6b49d200&us=0&exper=300&rlimit=3&sign=5ec2e8",
            )
        },
        Case {
            issued: DUE,
            ..in_query("CDN type D", v, &format!("sign={MD5}&t=1700000000"), "sign=00&t=1700000100")
        },
        Case {
            issued: Some(1_690_000_000),
            expires: DUE,
            inside: BELOW,
            outside: NOT_BELOW,
            ..in_query(
                "CloudFront custom policy",
                "https://h/d/v.m3u8?color=red",
                &format!("Policy={POLICY}&Signature=5ec2e7~-_&Key-Pair-Id=K2J"),
                &format!("Policy={POLICY_RENEWED}&Signature=5ec2e8&Key-Pair-Id=K2J"),
            )
        },
        Case {
            expires: DUE,
            ..in_query(
                "CloudFront canned policy",
                v,
                "Expires=1700000000&Signature=5ec2e7~&Key-Pair-Id=K2J&Hash-Algorithm=SHA256",
                "Expires=1800000000&Signature=5ec2e8&Key-Pair-Id=K2J&Hash-Algorithm=SHA256",
            )
        },
        Case {
            issued: Some(1_690_000_000),
            expires: DUE,
            inside: BELOW,
            outside: NOT_BELOW,
            ..in_query(
                "Akamai edge authorization",
                v,
                "hdnts=st=1690000000~exp=1700000000~acl=/a/*!/d/*~hmac=5ec2e7",
                "hdnts=st=1790000000~exp=1800000000~acl=/a/*!/d/*~hmac=5ec2e8",
            )
        },
        Case {
            expires: DUE,
            inside: BELOW,
            outside: NOT_BELOW,
            ..in_query(
                "Akamai edge authorization",
                v,
                "__token__=exp%3D1700000000%7Eacl%3D%2Fd%2F%2A%7Ehmac%3D5ec2e7",
                "__token__=exp=1800000000~acl=%2fd%2f*~hmac=5ec2e8",
            )
        },
        Case {
            url: "https://h/exp=1700000000~acl=%2Fd%2F*~hmac=5ec2e7/d/v.m3u8".to_owned(),
            renewed: "https://h/exp=1800000000~acl=%2Fd%2F*~hmac=5ec2e8/d/v.m3u8".to_owned(),
            expires: DUE,
            inside: BELOW,
            outside: NOT_BELOW,
            ..in_query("Akamai edge authorization", v, "", "")
        },
        Case {
            expires: DUE,
            ..in_query(
                "Akamai edge authorization",
                v,
                "hdnea=exp=1700000000~hmac=5ec2e7",
                "hdnea=exp=1800000000~hmac=5ec2e8",
            )
        },
        Case {
            expires: DUE,
            inside: BELOW,
            outside: NOT_BELOW,
            ..in_query(
                "Bunny token authentication",
                "https://h/d/v.m3u8?start=1",
                "token=HS256-5ec2e7&expires=1700000000&token_path=%2Fd%2F",
                "token=HS256-5ec2e8&expires=1800000000&token_path=%2Fd%2F",
            )
        },
        Case {
            url: "https://h/bcdn_token=5ec2e7&expires=1700000000&token_path=%2Fd%2F/d/v.m3u8?x=1".to_owned(),
            renewed: "https://h/bcdn_token=5ec2e8&expires=1800000000&token_path=%2Fd%2F/d/v.m3u8?x=1"
                .to_owned(),
            expires: DUE,
            inside: BELOW,
            outside: NOT_BELOW,
            ..in_query("Bunny token authentication", "https://h/d/v.m3u8?x=1", "", "")
        },
        Case {
            expires: DUE,
            ..in_query(
                "Bunny token authentication",
                v,
                "token=HS256-5ec2e7&expires=1700000000",
                "token=HS256-5ec2e8&expires=1800000000",
            )
        },
        Case {
            issued: DUE,
            ..in_query(
                "Cloudflare timed HMAC",
                v,
                "verify=1700000000-5ec2e7JQB8vP1z0yc5%3D",
                "verify=1700000100-9JQB8vP1z0yc5DEB%3D",
            )
        },
        Case {
            issued: Some(1_699_996_400),
            expires: DUE,
            ..in_query(
                "S3 signature version 4",
                v,
                "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=A%2F2023&X-Amz-Date=20231114T211320Z\
                 &X-Amz-Expires=3600&X-Amz-SignedHeaders=host&X-Amz-Signature=5ec2e7",
                "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=A%2F2023&X-Amz-Date=20231114T221320Z\
                 &X-Amz-Expires=3600&X-Amz-SignedHeaders=host&X-Amz-Signature=5ec2e8",
            )
        },
        Case {
            expires: DUE,
            ..in_query(
                "S3 signature version 2",
                v,
                "AWSAccessKeyId=AK&Expires=1700000000&Signature=5ec2e7%2B%3D",
                "AWSAccessKeyId=AK&Expires=1800000000&Signature=5ec2e8%3D",
            )
        },
        Case {
            issued: Some(1_690_000_000),
            expires: DUE,
            ..in_query(
                "COS request signature",
                v,
                "q-sign-algorithm=sha1&q-ak=AK&q-sign-time=1690000000%3B1700000000&q-key-time=1690000000;1700000000\
                 &q-header-list=host&q-url-param-list=&q-signature=5ec2e7&x-cos-security-token=5ec2e7",
                "q-sign-algorithm=sha1&q-ak=AK&q-sign-time=1790000000;1800000000&q-key-time=1790000000;1800000000\
                 &q-header-list=host&q-url-param-list=&q-signature=5ec2e8&x-cos-security-token=5ec2e8",
            )
        },
        Case {
            expires: DUE,
            inside: BELOW,
            outside: NOT_BELOW,
            ..in_query(
                "Expiry and keyed hash",
                "https://h/d/v.m3u8?x=1",
                "expires=1700000000&signature=5ec2e7%2F",
                "expires=1800000000&signature=5ec2e8",
            )
        },
        Case {
            expires: DUE,
            inside: BELOW,
            outside: NOT_BELOW,
            ..in_query("Expiry and keyed hash", v, "md5=5ec2e7&e=1700000000", "md5=5ec2e8&e=1800000000")
        },
        Case {
            expires: DUE,
            inside: BELOW,
            outside: NOT_BELOW,
            ..in_query(
                "Expiry and keyed hash",
                v,
                "token=5ec2e7&expires=1700000000",
                "token=5ec2e8&expires=1800000000",
            )
        },
        Case {
            issued: Some(1_690_000_000),
            expires: DUE,
            outside: NOT_BELOW,
            secret: "NWVjMmU3",
            ..in_query("JSON Web Token", v, &format!("auth={JWT}"), &format!("auth={JWT_RENEWED}"))
        },
        Case {
            url: format!("https://h/a/{JWT}/d/v.m3u8"),
            renewed: format!("https://h/a/{JWT_RENEWED}/d/v.m3u8"),
            bare: "https://h/a/d/v.m3u8",
            issued: Some(1_690_000_000),
            expires: DUE,
            secret: "NWVjMmU3",
            ..in_query("JSON Web Token", v, "", "")
        },
    ]
}
