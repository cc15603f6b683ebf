//! Request contexts as API Gateway sends them, each with the expected actor, if any.

use serde_json::{Value, json};

use super::actor;
use web::{ProblemKind, Scope};

const SUBJECT: &str = "6418b458-d091-705e-122e-04bf2945fcdf";
const READ: &str = Scope::Read.name();
const WRITE: &str = Scope::Write.name();

/// A REST API's context with what its authorizer adds.
fn rest(authorizer: &Value) -> Value {
    json!({
        "accountId": "123456789012", "apiId": "1234567890", "authorizer": authorizer, "httpMethod": "PUT",
        "identity": {"sourceIp": "203.0.113.7", "user": null, "userArn": null}, "path": "/prod/products/p",
        "protocol": "HTTP/1.1", "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
        "requestTime": "09/Apr/2015:12:34:56 +0000", "resourcePath": "/products/{id}", "stage": "prod"
    })
}

/// An HTTP API's context, payload 2.0.
fn http(authorizer: &Value) -> Value {
    json!({
        "accountId": "123456789012", "apiId": "api-id", "authorizer": authorizer,
        "domainName": "id.execute-api.us-east-1.amazonaws.com", "domainPrefix": "id",
        "http": {"method": "PUT", "path": "/products/p", "protocol": "HTTP/1.1", "sourceIp": "203.0.113.7"},
        "requestId": "id", "routeKey": "PUT /products/{id}", "stage": "$default", "timeEpoch": 1_583_348_638_390_u64
    })
}

/// The claims of a Cognito access token, which an HTTP API sends as texts.
fn claims(scope: &Value) -> Value {
    json!({
        "auth_time": "1787992402", "client_id": "5kek0i61pgkokoob4fsm9fo9it", "exp": "1787996002",
        "iat": "1787992402", "iss": "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_HblcSIjTD",
        "jti": "afa8fe33-607e-4fdb-99ac-81c27d1ddc73", "scope": scope, "sub": SUBJECT, "token_use": "access",
        "username": "somebody", "version": "2"
    })
}

fn with(mut object: Value, name: &str, value: &Value) -> Value {
    object[name] = value.clone();
    object
}

fn without(mut object: Value, name: &str) -> Value {
    object.as_object_mut().unwrap().remove(name);
    object
}

#[test]
fn every_authorizer_s_caller_is_the_actor_with_the_token_s_scopes() {
    let both = format!("{READ} {WRITE}");
    let jwt = |claims: Value, scopes: Value| http(&json!({"jwt": {"claims": claims, "scopes": scopes}}));
    for (name, context, scopes) in [
        ("REST, Cognito", rest(&json!({"claims": claims(&json!(both))})), vec![READ, WRITE]),
        ("REST, Cognito, no scope", rest(&json!({"claims": without(claims(&json!("")), "scope")})), vec![]),
        (
            "payload 1.0 of an HTTP API",
            rest(&json!({"claims": claims(&json!(both)), "scopes": null})),
            vec![READ, WRITE],
        ),
        ("HTTP, route without scopes", jwt(claims(&json!(both)), Value::Null), vec![READ, WRITE]),
        ("HTTP, route with a scope", jwt(claims(&json!(both)), json!([WRITE])), vec![READ, WRITE]),
        (
            "HTTP, array claim as text",
            jwt(claims(&json!(format!("[{both}]"))), Value::Null),
            vec![READ, WRITE],
        ),
        ("HTTP, array claim of one", jwt(claims(&json!(format!("[{READ}]"))), Value::Null), vec![READ]),
        ("HTTP, array claim", jwt(claims(&json!([READ, WRITE])), Value::Null), vec![READ, WRITE]),
        ("HTTP, other issuer", jwt(json!({"sub": SUBJECT, "scope": WRITE}), Value::Null), vec![WRITE]),
        ("HTTP, only the route's", jwt(json!({"sub": SUBJECT}), json!([READ])), vec![READ]),
        ("HTTP, empty scope", jwt(claims(&json!("")), Value::Null), vec![]),
        (
            "REST, Lambda",
            rest(&json!({"principalId": SUBJECT, "integrationLatency": 41, "scope": both})),
            vec![READ, WRITE],
        ),
        ("REST, Lambda, no scope", rest(&json!({"principalId": SUBJECT, "integrationLatency": 41})), vec![]),
        ("HTTP, Lambda", http(&json!({"lambda": {"sub": SUBJECT, "scope": both}})), vec![READ, WRITE]),
    ] {
        let actor = actor(&context).unwrap_or_else(|problem| panic!("{name}: {problem:?}"));
        assert_eq!(actor.name, SUBJECT, "{name}");
        assert_eq!(actor.scopes.unwrap(), scopes, "{name}");
    }
}

#[test]
fn where_nobody_is_named_the_request_is_refused() {
    let both = json!(format!("{READ} {WRITE}"));
    let id_token = with(claims(&both), "token_use", &json!("id"));
    let jwt = |claims: &Value| http(&json!({"jwt": {"claims": claims, "scopes": [READ, WRITE]}}));
    for (name, context) in [
        ("no context", Value::Null),
        ("no authorizer", without(http(&Value::Null), "authorizer")),
        ("authorizer null", rest(&Value::Null)),
        ("authorizer empty", rest(&json!({}))),
        ("IAM", http(&json!({"iam": {"accessKey": "AKIA", "userArn": "arn:aws:iam::1:user/u"}}))),
        ("REST, claims null", rest(&json!({"claims": null, "principalId": SUBJECT, "scope": both}))),
        ("REST, id token", rest(&json!({"claims": id_token}))),
        ("REST, no sub", rest(&json!({"claims": without(claims(&both), "sub")}))),
        ("REST, sub empty", rest(&json!({"claims": with(claims(&both), "sub", &json!(""))}))),
        ("REST, sub anonymous", rest(&json!({"claims": with(claims(&both), "sub", &json!("anonymous"))}))),
        ("HTTP, jwt null", http(&json!({"jwt": null, "principalId": SUBJECT, "scope": both}))),
        ("HTTP, claims null", http(&json!({"jwt": {"claims": null, "scopes": [READ]}}))),
        ("HTTP, id token", jwt(&with(claims(&both), "token_use", &json!("id")))),
        ("HTTP, no sub", jwt(&without(claims(&both), "sub"))),
        ("HTTP, sub of 256", jwt(&with(claims(&both), "sub", &json!("x".repeat(256))))),
        ("HTTP, sub a number", jwt(&with(claims(&both), "sub", &json!(7)))),
        ("REST, Lambda without principal", rest(&json!({"scope": both}))),
        ("HTTP, Lambda without context", http(&json!({"lambda": null}))),
    ] {
        let problem = actor(&context).expect_err(name);
        assert_eq!(problem.kind(), ProblemKind::Unauthorized, "{name}");
    }
}
