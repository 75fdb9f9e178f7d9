"""Messages a second of pgmq (its SQL as shipped in its Python wheel): two consumers, read and delete in batches of 500.

usage: DATABASE_URL=... python pgmq_drain.py MESSAGES
"""

import importlib.util
import os
import pathlib
import sys
import threading
import time

import psycopg

BATCH = 500
messages = int(sys.argv[1])
url = os.environ["DATABASE_URL"]
done = [0, 0]


def consume(place: int) -> None:
    with psycopg.connect(url, autocommit=True) as session:
        while sum(done) < messages:
            rows = session.execute("select msg_id from pgmq.read('calls', 30, %s)", (BATCH,), prepare=True).fetchall()
            if rows:
                ids = [row[0] for row in rows]
                session.execute("select count(*) from pgmq.delete('calls', %s::bigint[])", (ids,), prepare=True)
                done[place] += len(ids)


with psycopg.connect(url, autocommit=True) as owner:
    package = pathlib.Path(importlib.util.find_spec("pgmq").origin).parent
    owner.execute("create schema if not exists pgmq")
    owner.execute((package / "sql" / "pgmq.sql").read_text())
    owner.execute("select pgmq.create('calls')")
    for first in range(0, messages, 5000):
        some = min(5000, messages - first)
        owner.execute("select count(*) from pgmq.send_batch('calls', %s::jsonb[])", (['{"call": 1}'] * some,))
    owner.execute("vacuum analyze")

start = time.perf_counter()
consumers = [threading.Thread(target=consume, args=(place,)) for place in (0, 1)]
for consumer in consumers:
    consumer.start()
for consumer in consumers:
    consumer.join()
print(round(messages / (time.perf_counter() - start)))
