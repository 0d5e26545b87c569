"""Asks DuckDB and Polars what they find in a lake.

    readers.py LAKE < questions.json > answers.json

questions.json is a list of SQL texts over the lake's tables; answers.json has
for each reader the answers in their order, each a list of rows of texts.
"""

import json
import pathlib
import sys

import duckdb
import duckdb_extension_delta
import polars

lake = pathlib.Path(sys.argv[1])
questions = json.load(sys.stdin)
tables = [folder.parent.name for folder in lake.glob("*/_delta_log")]

# The extension as PyPI has it, so that nothing is fetched on first use.
extensions = pathlib.Path(duckdb_extension_delta.__file__).parent / "extensions"
extension = extensions / f"v{duckdb.__version__}" / "delta.duckdb_extension"
duck = duckdb.connect()
duck.execute("SET autoinstall_known_extensions = false")
duck.execute("SET TimeZone = 'UTC'")
duck.execute(f"LOAD '{extension}'")
for table in tables:
    duck.execute(f"CREATE VIEW {table} AS FROM delta_scan('{lake / table}')")

frames = {table: polars.scan_delta(str(lake / table)) for table in tables}
bear = polars.SQLContext(frames)


def texts(rows):
    return [["" if cell is None else str(cell) for cell in row] for row in rows]


answers = {
    "DuckDB": [texts(duck.execute(sql).fetchall()) for sql in questions],
    "Polars": [texts(bear.execute(sql).collect().rows()) for sql in questions],
}
json.dump(answers, sys.stdout)
