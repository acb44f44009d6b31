//! `Access`: which methods need no token, and which need scopes.

use std::collections::HashMap;

use halloo_core::{MethodDescriptor, MethodRef, ServiceDescriptor, Status};

/// Rules by the name of a service, or of a method with its service.
#[derive(Clone, Debug, Default)]
pub(crate) struct Access {
    rules: HashMap<String, Rule>,
}

#[derive(Clone, Debug)]
enum Rule {
    Open,
    /// Every one of these scopes.
    Scopes(Vec<String>),
}

/// What a method asks of its caller.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Needs<'a> {
    Nothing,
    /// A token, with all of these scopes.
    Token(Vec<&'a str>),
}

impl Access {
    pub(crate) fn open(&mut self, name: &str) {
        self.rules.insert(plain(name).to_owned(), Rule::Open);
    }

    pub(crate) fn require(&mut self, name: &str, scope: String) {
        match self.rules.get_mut(plain(name)) {
            Some(Rule::Scopes(scopes)) => scopes.push(scope),
            _ => drop(self.rules.insert(plain(name).to_owned(), Rule::Scopes(vec![scope]))),
        }
    }

    /// What `method` needs: its own rule decides whether it is open, then its service's; scopes of both add up.
    pub(crate) fn needs(&self, method: &MethodRef) -> Needs<'_> {
        match (self.rules.get(method.full_name()), self.rules.get(method.service())) {
            (Some(Rule::Open), _) | (None, Some(Rule::Open)) => Needs::Nothing,
            (own, service) => {
                let scopes = [service, own].into_iter().flatten().flat_map(|rule| match rule {
                    Rule::Scopes(scopes) => scopes.as_slice(),
                    Rule::Open => &[],
                });
                Needs::Token(scopes.map(String::as_str).collect())
            }
        }
    }

    /// Looks for rules about scopes that would never apply.
    ///
    /// # Errors
    /// NOT_FOUND if a name is neither a service's nor a method's.
    pub(crate) fn check(&self, services: &[&'static ServiceDescriptor]) -> Result<(), Status> {
        let names = || {
            services.iter().flat_map(|service| {
                [service.name()].into_iter().chain(service.methods().iter().map(MethodDescriptor::full_name))
            })
        };
        let mut wrong = self
            .rules
            .iter()
            .filter(|(name, rule)| matches!(rule, Rule::Scopes(_)) && !names().any(|known| known == name.as_str()));
        let Some((name, _)) = wrong.next() else { return Ok(()) };
        let known: Vec<_> = names().collect();
        Err(Status::not_found(format!("a scope is required for {name}, and no service here has that name"))
            .note("hint", format!("the names are: {}", known.join(", "))))
    }
}

/// A path is a name with a slash before it.
fn plain(name: &str) -> &str {
    name.strip_prefix('/').unwrap_or(name)
}

#[cfg(test)]
#[path = "../tests/unit/access.rs"]
mod tests;
