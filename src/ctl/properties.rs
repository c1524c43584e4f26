//! `show`: properties by name, for programs. And `is-active`, `is-failed`, which ask for one.

use super::commands::Context;
use super::exit;
use super::names;
use super::options::Json;
use crate::control::client::ClientError;
use crate::control::wire::{Call, Nothing, Property, Show, ShowReply, VersionReply};
use serde_json::{Map, Value};

/// show
pub(super) fn show(context: &mut Context, typed: &[String]) -> Result<u8, ClientError> {
    if typed.is_empty() {
        return manager(context);
    }
    let units = names::expand(context, typed)?;
    let properties = context.global.wanted_properties();
    // Who asks for a property gets it, empty or not.
    let empty_too = context.global.all || !properties.is_empty();
    let reply: ShowReply = context.call(&Call::Show(Show { units, properties }))?;
    if context.global.json != Json::Off {
        let objects: Vec<Map<String, Value>> = reply.units.iter().map(|u| as_object(&u.properties)).collect();
        context.out.json(&objects, context.global.json == Json::Pretty);
        return Ok(exit::OK);
    }
    for (i, unit) in reply.units.iter().enumerate() {
        if i > 0 {
            context.out.line("");
        }
        print(context, &unit.properties, empty_too);
    }
    Ok(exit::OK)
}

/// Properties of the daemon itself.
fn manager(context: &mut Context) -> Result<u8, ClientError> {
    let version: VersionReply = context.call(&Call::Version(Nothing {}))?;
    let wanted = context.global.wanted_properties();
    let all = [("Version", version.version), ("MainPID", version.pid.to_string())];
    let properties: Vec<Property> = all
        .into_iter()
        .filter(|(name, _)| wanted.is_empty() || wanted.iter().any(|w| w == name))
        .map(|(name, value)| Property { name: name.to_owned(), value })
        .collect();
    match context.global.json {
        Json::Off => print(context, &properties, true),
        mode => context.out.json(&as_object(&properties), mode == Json::Pretty),
    }
    Ok(exit::OK)
}

fn print(context: &mut Context, properties: &[Property], empty_too: bool) {
    let bare = context.global.value || !context.global.bare_properties.is_empty();
    for Property { name, value } in properties.iter().filter(|p| empty_too || !p.value.is_empty()) {
        match bare {
            true => context.out.line(value),
            false => context.out.line(format_args!("{name}={value}")),
        }
    }
}

/// A property that comes several times becomes an array.
fn as_object(properties: &[Property]) -> Map<String, Value> {
    let mut object = Map::new();
    for Property { name, value } in properties {
        let value = Value::String(value.clone());
        match object.get_mut(name) {
            None => {
                object.insert(name.clone(), value);
            }
            Some(Value::Array(values)) => values.push(value),
            Some(first) => *first = Value::Array(vec![first.take(), value]),
        }
    }
    object
}

/// is-active, is-failed: prints each state; success if one of them is among `good`.
pub(super) fn is_state(
    context: &mut Context,
    typed: &[String],
    good: &[&str],
    otherwise: u8,
) -> Result<u8, ClientError> {
    let units = names::expand(context, typed)?;
    if units.is_empty() {
        return Ok(otherwise);
    }
    let reply: ShowReply = context.call(&Call::Show(Show { units, properties: vec!["ActiveState".to_owned()] }))?;
    let mut code = otherwise;
    for unit in &reply.units {
        let state = unit.properties.iter().find(|p| p.name == "ActiveState").map_or("unknown", |p| p.value.as_str());
        if !context.global.quiet {
            context.out.line(state);
        }
        if good.contains(&state) {
            code = exit::OK;
        }
    }
    Ok(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_properties_become_arrays() {
        let p = |name: &str, value: &str| Property { name: name.into(), value: value.into() };
        let object = as_object(&[p("Listen", "a"), p("Id", "x"), p("Listen", "b"), p("Listen", "c")]);
        assert_eq!(Value::Object(object), serde_json::json!({"Id": "x", "Listen": ["a", "b", "c"]}));
    }
}
