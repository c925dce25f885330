"""What settings mean, as their dataclass says it in its source."""

import ast
import inspect
import textwrap


def read_meanings(config: type) -> dict[str, tuple[str, str]]:
    """Each field's annotation and docstring, read from the source of a dataclass."""
    body = ast.parse(textwrap.dedent(inspect.getsource(config))).body[0]
    assert isinstance(body, ast.ClassDef)
    docs = {}
    for statement, after in zip(body.body, [*body.body[1:], None], strict=True):
        if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.target, ast.Name):
            continue
        text = ""
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            text = inspect.cleandoc(str(after.value.value))
        docs[statement.target.id] = (ast.unparse(statement.annotation), text)
    return docs
