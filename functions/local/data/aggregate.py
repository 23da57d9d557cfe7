"""Makes flights.csv from flights-3m.parquet of the npm package vega-datasets 3.2.1 (see README.md).

usage: aggregate.py PATH_TO_flights-3m.parquet > flights.csv   (needs: pip install duckdb)

One series a line, `id,value,...`, oldest first: how many flights left in the hour that ends at each quarter of an hour.
"""
import sys
import duckdb

START, WEEKS = "2001-03-26 00:00:00", 8  # a Monday; eight whole weeks without a public holiday in the last four
QUARTERS = WEEKS * 7 * 24 * 4
SERIES = [("flights.departures", airport, -1000) for airport in ("ATL", "ORD", "DFW", "LAX", "PHX", "DEN")]
SERIES += [("flights.delayed", airport, 15) for airport in ("DFW", "ORD")]

db = duckdb.connect()
for metric, airport, least_delay in SERIES:
    counts = dict(db.execute(
        "SELECT CAST(floor((epoch(date) - epoch(CAST(? AS TIMESTAMP))) / 900) AS INT), count(*) FROM read_parquet(?)"
        " WHERE origin = ? AND delay >= ? GROUP BY 1", [START, sys.argv[1], airport, least_delay]).fetchall())
    values = [sum(counts.get(quarter - back, 0) for back in range(1, 5)) for quarter in range(QUARTERS)]
    print(f"{metric}/{airport}", *values, sep=",")
