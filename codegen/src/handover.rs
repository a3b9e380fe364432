//! Lets the library have an answer before the generated code decodes it, and leaves out a header that no provider asks for.

use quote::ToTokens;
use syn::visit_mut::{self, VisitMut};
use syn::{Block, Expr, Pat, Stmt, parse_quote};

/// In each operation of the client, right after the answer is there, adds the way out for who wants it undecoded; and takes out the header
/// `api-version`, which the generator would send with every request.
///
/// # Errors
///
/// How many operations have no place for that: the generator writes other code than it used to.
pub(crate) fn hand_over(file: &mut syn::File) -> Result<(), usize> {
    let operations = file.to_token_stream().to_string().matches(". exec (").count();
    let mut pass = HandOver::default();
    pass.visit_file_mut(file);
    if pass.done == operations { Ok(()) } else { Err(operations.abs_diff(pass.done)) }
}

#[derive(Default)]
struct HandOver {
    done: usize,
}

impl VisitMut for HandOver {
    fn visit_block_mut(&mut self, block: &mut Block) {
        visit_mut::visit_block_mut(self, block);
        // `let result = self.exec(..).await;`
        if !block.stmts.iter().any(|statement| binds(statement, "result") && text(statement).contains("self . exec ("))
        {
            return;
        }
        let given_out = give_out(&mut block.stmts);
        let left_out = leave_out_version(&mut block.stmts);
        self.done += usize::from(given_out && left_out);
    }
}

/// After `let response = result?;`.
fn give_out(statements: &mut Vec<Stmt>) -> bool {
    let is_place = |statement: &Stmt| binds(statement, "response") && text(statement).ends_with("= result ? ;");
    let Some(place) = statements.iter().position(is_place) else { return false };
    let way_out = parse_quote! {
        if self.inner.is_held() {
            return Err(Error::UnexpectedResponse(response));
        }
    };
    statements.insert(place + 1, way_out);
    true
}

/// `header_map.append(HeaderName::from_static("api-version"), ..);`, and the map with it where nothing else is in it.
fn leave_out_version(statements: &mut Vec<Stmt>) -> bool {
    let before = statements.len();
    let adds = |statement: &Stmt| text(statement).starts_with("header_map . ");
    statements.retain(|statement| !(adds(statement) && text(statement).contains("\"api-version\"")));
    let found = statements.len() < before;
    if !statements.iter().any(|statement| text(statement).contains("header_map . ")) {
        statements.retain(|statement| !binds(statement, "header_map"));
        statements.iter_mut().for_each(|statement| NoHeaders.visit_stmt_mut(statement));
    }
    found
}

/// Makes `request.headers(header_map)` a plain `request`.
struct NoHeaders;

impl VisitMut for NoHeaders {
    fn visit_expr_mut(&mut self, expression: &mut Expr) {
        visit_mut::visit_expr_mut(self, expression);
        if let Expr::MethodCall(call) = expression
            && call.method == "headers"
            && call.args.to_token_stream().to_string() == "header_map"
        {
            *expression = (*call.receiver).clone();
        }
    }
}

fn binds(statement: &Stmt, name: &str) -> bool {
    matches!(statement, Stmt::Local(local) if matches!(&local.pat, Pat::Ident(bound) if bound.ident == name))
}

fn text(statement: &Stmt) -> String {
    statement.to_token_stream().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missed(body: &str) -> Result<(), usize> {
        let version = r#"header_map.append(HeaderName::from_static("api-version"), value);"#;
        let source =
            format!("impl C {{ async fn a(&self) {{ let mut header_map = HeaderMap::new(); {version} {body} }} }}");
        hand_over(&mut syn::parse_str(&source).unwrap())
    }

    #[test]
    fn an_operation_that_is_written_otherwise_is_noticed() {
        assert_eq!(missed("let result = self.exec(request, &info).await; let response = result?;"), Ok(()));
        assert_eq!(missed("let outcome = self.exec(request, &info).await; let response = outcome?;"), Err(1));
        assert_eq!(missed("let response = self.exec(request, &info).await?;"), Err(1));
        assert_eq!(missed("let result = self.exec(request, &info).await; let answer = result?;"), Err(1));
    }
}
