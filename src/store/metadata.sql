-- DuckLake's settings, with the folder of the data relative to the catalog, so that DuckDB reads a store that was moved
-- or copied where it is, and never the one that it was. DuckLake itself takes a relative folder as one below the working
-- directory (`DuckLakeInitializer::LoadExistingDuckLake`, DuckLake 1.0): what it reads is a view that works out where the
-- catalog lies. `sqlite_version()` makes DuckDB's scanner leave the view to SQLite. Our own connections, which don't trust
-- the schema, read the table.
ALTER TABLE ducklake_metadata RENAME TO trailpare_metadata;
UPDATE trailpare_metadata SET "value" = 'data/' WHERE "key" = 'data_path' AND "scope" IS NULL;
CREATE VIEW ducklake_metadata ("key", "value", "scope", scope_id) AS
    SELECT "key" AS "key",
        CASE WHEN "key" = 'data_path' AND "scope" IS NULL THEN
            (SELECT rtrim(file, replace(file, '/', '')) || "value" FROM pragma_database_list
             WHERE name = 'main' AND sqlite_version() <> '')
        ELSE "value" END AS "value",
        "scope" AS "scope", scope_id AS scope_id
    FROM trailpare_metadata;
-- Programs that know a table here may go on writing to it; where the data lies is not theirs to say.
CREATE TRIGGER ducklake_metadata_insert INSTEAD OF INSERT ON ducklake_metadata BEGIN
    INSERT INTO trailpare_metadata VALUES (new."key", new."value", new."scope", new.scope_id);
END;
CREATE TRIGGER ducklake_metadata_update INSTEAD OF UPDATE ON ducklake_metadata WHEN old."key" <> 'data_path' BEGIN
    UPDATE trailpare_metadata SET "value" = new."value"
    WHERE "key" = old."key" AND "scope" IS old."scope" AND scope_id IS old.scope_id;
END;
CREATE TRIGGER ducklake_metadata_delete INSTEAD OF DELETE ON ducklake_metadata WHEN old."key" <> 'data_path' BEGIN
    DELETE FROM trailpare_metadata
    WHERE "key" = old."key" AND "scope" IS old."scope" AND scope_id IS old.scope_id;
END;
