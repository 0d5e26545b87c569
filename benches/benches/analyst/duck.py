"""DuckDB at the end of a pipe.

    duck.py LAKE TEMPORARY

A line in is a JSON object: `sql`, in which $reads stands for the Parquet files
of the lake's reads. A line out is what came of it: `seconds` until the last row
was there, and `rows` of texts.
"""

import json
import sys
import time

import deltalake
import duckdb

lake, temporary = sys.argv[1:]
files = [uri.removeprefix("file://") for uri in deltalake.DeltaTable(f"{lake}/meter_reads").file_uris()]
reads = "[" + ", ".join(f"'{file}'" for file in files) + "]"
duck = duckdb.connect(
    config={"threads": 2, "memory_limit": "4GiB", "temp_directory": temporary}
)
duck.execute("SET autoinstall_known_extensions = false")
duck.execute("SET parquet_metadata_cache = true")

for line in sys.stdin:
    sql = json.loads(line)["sql"].replace("$reads", reads)
    started = time.perf_counter()
    rows = duck.execute(sql).fetchall()
    seconds = time.perf_counter() - started
    rows = [["" if cell is None else str(cell) for cell in row] for row in rows]
    print(json.dumps({"seconds": seconds, "rows": rows}), flush=True)
