"""The `runfold` commands that ask the API, for people and scripts; over HTTP, on the base install alone.

A module a topic (`runs`, `metrics`, `artifacts`, `logs`, `history`, ...) holds the typer commands: they ask `reading`,
and hand what was answered to a module that shows it (`*_shown`, `tables`, `cells`, `plots`), which is pure. `border`
is what all commands have in common: their options, how errors end them, and with which code (`runfold_schemas.exits`).

What goes where. Standard output has the answer and nothing else; messages, progress and questions go to standard
error. With `--json` the answer is one JSON object, or one a line (NDJSON) of commands that stream: `events`,
`decisions`, `logs follow`, `runs watch`, `runs list --all`, `deadletters list`. Names and shapes are those of the
API's answers (docs/api.md); numbers that are not finite are the texts NaN, Infinity and -Infinity. An error is then
one JSON object on standard error: `{"error": {"code", "message", "exit"}}`, of a filter with `text`, `position` and
`expected`. Colours are for terminals, and off with NO_COLOR. Nothing here is loaded by `import runfold`.
"""
