"""Names, schemas, tables, snapshots, statistics and loading: what there is to query.

Nothing here knows an engine, a SQL text, or a user. Arrows point inwards:
`repl → gateway → catalog`.
"""
