"""What other programs do with the same log objects.

    peers.py duckdb|clickhouse FOLDER OUT THREADS

Both are given the record's top-level fields by name, so that neither has to guess a schema, with free content as JSON
text; they write all columns of all records as Parquet with zstd. They neither sort nor leave out duplicates nor count.
Prints how many records were written.
"""

import glob
import json
import sys

TEXTS = """
    eventVersion eventTime eventSource eventName awsRegion sourceIPAddress userAgent errorCode errorMessage requestID
    eventID eventType apiVersion recipientAccountId sharedEventID vpcEndpointId vpcEndpointAccountId eventCategory
    managementEvent readOnly sessionCredentialFromConsole
""".split()
FREE = """
    userIdentity requestParameters responseElements additionalEventData resources serviceEventDetails addendum
    edgeDeviceDetails tlsDetails insightDetails
""".split()


def largest(folder):
    """Size of the largest object's JSON, in bytes: the end of a gzip member says it."""

    def size(path):
        with open(path, "rb") as file:
            file.seek(-4, 2)
            return int.from_bytes(file.read(4), "little")

    return max(size(path) for path in glob.iglob(f"{folder}/**/*.json.gz", recursive=True))


def duckdb(folder, out, threads):
    import duckdb

    room = max(16 << 20, largest(folder) + (1 << 20))
    # Records are taken as JSON and then apart: with a struct of the same fields as the type of `Records` it takes ten
    # times as long.
    fields = json.dumps(dict([(name, "VARCHAR") for name in TEXTS] + [(name, "JSON") for name in FREE]))
    base = duckdb.connect(config={"threads": threads, "preserve_insertion_order": False})
    base.execute(f"""
        COPY (SELECT unnest(json_transform(record, '{fields}')) FROM (SELECT unnest(Records) AS record FROM read_json(
            ['{folder}/**/*.json.gz'], columns = {{Records: 'JSON[]'}}, format = 'newline_delimited',
            maximum_object_size = {room})))
        TO '{out}' (FORMAT parquet, COMPRESSION zstd)""")
    return base.execute(f"SELECT count(*) FROM '{out}'").fetchone()[0]


def clickhouse(folder, out, threads):
    import chdb

    fields = ", ".join(f"{name} Nullable(String)" for name in TEXTS + FREE)
    columns = ", ".join(f"tupleElement(record, '{name}') AS {name}" for name in TEXTS + FREE)
    chdb.query(f"""
        INSERT INTO FUNCTION file('{out}', 'Parquet')
        SELECT {columns}
        FROM file('{folder}/**/*.json.gz', 'JSONEachRow', 'Records Array(Tuple({fields}))') ARRAY JOIN Records AS record
        SETTINGS max_threads = {threads}, input_format_json_read_objects_as_strings = 1,
            input_format_json_read_arrays_as_strings = 1, input_format_json_read_bools_as_strings = 1,
            input_format_json_read_numbers_as_strings = 1,
            input_format_json_defaults_for_missing_elements_in_named_tuple = 1,
            input_format_json_ignore_unknown_keys_in_named_tuple = 1, input_format_parallel_parsing = 0,
            min_chunk_bytes_for_parallel_parsing = 1073741824,
            output_format_parquet_compression_method = 'zstd', engine_file_truncate_on_insert = 1""")
    return int(str(chdb.query(f"SELECT count() FROM file('{out}', 'Parquet')")).strip())


if __name__ == "__main__":
    _, peer, folder, out, threads = sys.argv
    print({"duckdb": duckdb, "clickhouse": clickhouse}[peer](folder, out, int(threads)))
