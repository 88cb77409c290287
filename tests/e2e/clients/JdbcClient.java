import java.io.StringReader;
import java.io.StringWriter;
import java.math.BigDecimal;
import java.sql.Array;
import java.sql.BatchUpdateException;
import java.sql.Connection;
import java.sql.Date;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.sql.Statement;
import java.sql.Timestamp;
import java.sql.Types;
import java.time.LocalDate;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.Arrays;
import java.util.Map;
import java.util.Objects;
import java.util.Properties;
import java.util.UUID;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;
import org.postgresql.copy.CopyIn;
import org.postgresql.copy.CopyManager;
import org.postgresql.largeobject.LargeObject;
import org.postgresql.largeobject.LargeObjectManager;

/** JDBC: a protocol of its own; unnamed statements that become named, batches, fetch sizes, all its query modes. */
public final class JdbcClient {
  private static final int ROWS = 100_000;
  private static final int LIMIT_MS = 15_000;

  private interface Work {
    void run() throws Exception;
  }

  private static void section(String name, Work work) throws Exception {
    long started = System.nanoTime();
    try {
      work.run();
    } catch (Throwable problem) {
      System.out.println("FAILED: " + name);
      throw problem;
    }
    System.out.printf("ok %s (%.2f s)%n", name, (System.nanoTime() - started) / 1e9);
  }

  private static void equal(Object got, Object expected, String what) {
    boolean same = got instanceof byte[] bytes && expected instanceof byte[] others ? Arrays.equals(bytes, others)
        : got instanceof Object[] list && expected instanceof Object[] other        ? Arrays.deepEquals(list, other)
                                                                                    : Objects.equals(got, expected);
    if (!same)
      throw new AssertionError(what + ": got " + got + ", expected " + expected);
  }

  private static void fails(String sqlState, Work work) throws Exception {
    try {
      work.run();
    } catch (SQLException error) {
      equal(error.getSQLState(), sqlState, error.getMessage());
      return;
    }
    throw new AssertionError("no error " + sqlState);
  }

  private static Connection connect(String... options) throws SQLException {
    Map<String, String> environment = System.getenv();
    Properties properties = new Properties();
    properties.setProperty("user", environment.get("PGUSER"));
    properties.setProperty("password", environment.get("PGPASSWORD"));
    properties.setProperty("sslmode", environment.get("PGSSLMODE"));
    properties.setProperty("sslrootcert", environment.get("PGSSLROOTCERT"));
    properties.setProperty("connectTimeout", "20");
    for (int i = 0; i < options.length; i += 2) properties.setProperty(options[i], options[i + 1]);
    return DriverManager.getConnection("jdbc:postgresql://" + environment.get("PGHOST") + ":"
            + environment.get("PGPORT") + "/" + environment.get("PGDATABASE"),
        properties);
  }

  private static void execute(Connection connection, String sql) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      statement.execute(sql);
    }
  }

  private static String value(Connection connection, String sql, Object... parameters) throws SQLException {
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      for (int i = 0; i < parameters.length; ++i) statement.setObject(i + 1, parameters[i]);
      try (ResultSet result = statement.executeQuery()) {
        result.next();
        return result.getString(1);
      }
    }
  }

  private static void types(Connection connection) throws SQLException {
    execute(connection,
        "DROP TABLE IF EXISTS e2e.types; CREATE TABLE e2e.types (a bool, b int, c bigint, d float8, e numeric,"
            + " f text, g bytea, h date, i timestamptz, j uuid, k int[], l text[], m jsonb, n int)");
    UUID uuid = new UUID(1, 2);
    OffsetDateTime moment = OffsetDateTime.of(1999, 12, 31, 1, 2, 3, 4000, ZoneOffset.UTC);
    byte[] blob = {0, 1, -1, '\'', '\\'};
    try (PreparedStatement insert = connection.prepareStatement(
             "INSERT INTO e2e.types VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?::jsonb, ?)");
         PreparedStatement select = connection.prepareStatement("SELECT * FROM e2e.types");
         PreparedStatement delete = connection.prepareStatement("DELETE FROM e2e.types")) {
      for (int round = 0; round < 12; ++round) { // the results become binary on the way
        insert.setBoolean(1, true);
        insert.setInt(2, round);
        insert.setLong(3, 1L << 40);
        insert.setDouble(4, 1e-300);
        insert.setBigDecimal(5, new BigDecimal("12345678901234567890.000100"));
        insert.setString(6, "žluť 'x' \\ ?");
        insert.setBytes(7, blob);
        insert.setObject(8, LocalDate.of(2024, 2, 29));
        insert.setObject(9, moment);
        insert.setObject(10, uuid);
        insert.setArray(11, connection.createArrayOf("int4", new Object[] {1, null, 3}));
        insert.setArray(12, connection.createArrayOf("text", new Object[] {"a", "b\"c", null, ""}));
        insert.setString(13, "{\"a\": [1, null]}");
        insert.setNull(14, Types.INTEGER);
        equal(insert.executeUpdate(), 1, "inserted");
        try (ResultSet row = select.executeQuery()) {
          equal(row.next(), true, "a row");
          equal(row.getBoolean(1), true, "bool");
          equal(row.getInt(2), round, "int");
          equal(row.getLong(3), 1L << 40, "bigint");
          equal(row.getDouble(4), 1e-300, "float8");
          equal(row.getBigDecimal(5), new BigDecimal("12345678901234567890.000100"), "numeric");
          equal(row.getString(6), "žluť 'x' \\ ?", "text");
          equal(row.getBytes(7), blob, "bytea");
          equal(row.getDate(8), Date.valueOf("2024-02-29"), "date");
          equal(row.getObject(9, OffsetDateTime.class), moment, "timestamptz");
          equal(row.getObject(10), uuid, "uuid");
          Array list = row.getArray(11);
          equal(list.getArray(), new Integer[] {1, null, 3}, "int[]");
          equal(row.getArray(12).getArray(), new String[] {"a", "b\"c", null, ""}, "text[]");
          equal(row.getString(13), "{\"a\": [1, null]}", "jsonb");
          equal(row.getInt(14), 0, "NULL");
          equal(row.wasNull(), true, "NULL");
          equal(row.getMetaData().getColumnTypeName(5), "numeric", "metadata");
        }
        equal(delete.executeUpdate(), 1, "deleted");
      }
    }
    equal(value(connection, "SELECT length(?)", "x".repeat(3_000_000)), "3000000", "large parameter");
    equal(value(connection, "SELECT ?", Timestamp.from(moment.toInstant())).startsWith("1999"), true, "timestamp");
  }

  private static void metadata(Connection connection) throws SQLException {
    execute(connection,
        "CREATE TABLE e2e.parent (id serial PRIMARY KEY, b text);"
            + "CREATE TABLE e2e.child (parent int REFERENCES e2e.parent)");
    var data = connection.getMetaData();
    int count = 0;
    try (ResultSet columns = data.getColumns(null, "e2e", "parent", "%")) {
      while (columns.next()) ++count;
    }
    equal(count, 2, "columns");
    try (ResultSet keys = data.getImportedKeys(null, "e2e", "child")) {
      equal(keys.next() && keys.getString("PKTABLE_NAME").equals("parent"), true, "imported keys");
    }
    try (ResultSet keys = data.getExportedKeys(null, "e2e", "parent");
         ResultSet both = data.getCrossReference(null, "e2e", "parent", null, "e2e", "child")) {
      equal(keys.next() && keys.getString("FKTABLE_NAME").equals("child"), true, "exported keys");
      equal(both.next() && both.getString("FKCOLUMN_NAME").equals("parent"), true, "cross reference");
    }
    try (ResultSet tables = data.getTables(null, "e2e", "%", new String[] {"TABLE"})) {
      equal(tables.next(), true, "tables");
    }
    try (ResultSet keys = data.getPrimaryKeys(null, "e2e", "parent"); ResultSet info = data.getTypeInfo();
         ResultSet schemas = data.getSchemas(); ResultSet functions = data.getFunctions(null, "pg_catalog", "abs")) {
      equal(keys.next() && info.next() && schemas.next() && functions.next(), true, "metadata");
    }
  }

  private static void transactions(Connection connection) throws Exception {
    execute(connection,
        "DROP TABLE IF EXISTS e2e.money;"
            + "CREATE TABLE e2e.money (id int PRIMARY KEY, amount numeric CHECK (amount >= 0))");
    fails("42601", () -> execute(connection, "SELEC 1"));
    fails("22012", () -> value(connection, "SELECT 1 / ?::int", 0));
    fails("42P01", () -> value(connection, "SELECT * FROM e2e.nothing WHERE a = ?", 0));
    connection.setAutoCommit(false);
    for (int number = 0; number < 15; ++number) {
      final int id = number;
      try (PreparedStatement insert = connection.prepareStatement("INSERT INTO e2e.money VALUES (?, ?)")) {
        insert.setInt(1, id);
        insert.setInt(2, id);
        insert.executeUpdate();
        Savepoint savepoint = connection.setSavepoint("s" + id);
        insert.setInt(1, id);
        fails(id % 2 == 0 ? "23505" : "23514", () -> {
          insert.setInt(2, id % 2 == 0 ? 1 : -1);
          insert.executeUpdate();
        });
        fails("25P02", () -> value(connection, "SELECT ?", "aborted"));
        connection.rollback(savepoint);
        fails("42601", () -> value(connection, "SELEC ?", 1));
        connection.rollback(savepoint);
        connection.releaseSavepoint(savepoint);
        if (id % 3 == 0) {
          fails("22012", () -> value(connection, "SELECT 1 / ?::int", 0));
          connection.rollback();
        } else {
          connection.commit();
        }
      }
    }
    equal(value(connection, "SELECT string_agg(id::text, ' ' ORDER BY id) FROM e2e.money"), "1 2 4 5 7 8 10 11 13 14",
        "kept");
    connection.commit();
    connection.setTransactionIsolation(Connection.TRANSACTION_SERIALIZABLE);
    connection.setReadOnly(true);
    fails("25006", () -> execute(connection, "DELETE FROM e2e.money"));
    connection.rollback();
    connection.setReadOnly(false);
    connection.setTransactionIsolation(Connection.TRANSACTION_READ_COMMITTED);
    connection.setAutoCommit(true);
    // Statements of one text: a group of messages each, and one Sync for all.
    try (Statement statement = connection.createStatement()) {
      equal(statement.execute("SELECT 1; INSERT INTO e2e.money VALUES (100, 1); SELECT 2"), true, "first result");
      equal(statement.getMoreResults(), false, "second result");
      equal(statement.getUpdateCount(), 1, "second result");
      equal(statement.getMoreResults(), true, "third result");
      fails("22012", () -> statement.execute("INSERT INTO e2e.money VALUES (101, 1); SELECT 1/0; SELECT 2"));
      fails("42601", () -> statement.execute("INSERT INTO e2e.money VALUES (102, 1); SELEC; SELECT 2"));
      statement.execute("DO $$ BEGIN RAISE WARNING 'heard'; END $$");
      equal(statement.getWarnings().getMessage(), "heard", "warning");
      statement.execute("");
    }
    equal(value(connection, "SELECT count(*) FROM e2e.money WHERE id > 100"), "0", "undone");
  }

  private static void large(Connection connection) throws SQLException {
    for (int size : new int[] {0, 1777}) {
      connection.setAutoCommit(size == 0);
      try (PreparedStatement statement =
               connection.prepareStatement("SELECT g, repeat('x', 30) FROM generate_series(1, ?) g")) {
        statement.setFetchSize(size);
        statement.setInt(1, ROWS);
        long sum = 0;
        try (ResultSet rows = statement.executeQuery()) {
          while (rows.next()) sum += rows.getInt(1);
        }
        equal(sum, (long) ROWS * (ROWS + 1) / 2, "sum");
        for (int round = 0; round < 8; ++round) { // left open half read, again and again
          ResultSet rows = statement.executeQuery();
          for (int i = 0; i < 2000; ++i) rows.next();
          rows.close();
        }
        statement.setMaxRows(10);
        try (ResultSet rows = statement.executeQuery()) {
          int count = 0;
          while (rows.next()) ++count;
          equal(count, 10, "maximum of rows");
        }
      }
      connection.setAutoCommit(true);
    }
  }

  private static void copying(Connection connection) throws Exception {
    execute(connection, "CREATE TABLE e2e.copied (a int, b text)");
    CopyManager copy = connection.unwrap(PGConnection.class).getCopyAPI();
    StringBuilder lines = new StringBuilder();
    for (int i = 0; i < ROWS; ++i) lines.append(i).append("\ttext ").append(i).append('\n');
    equal(copy.copyIn("COPY e2e.copied FROM STDIN", new StringReader(lines.toString())), (long) ROWS, "copied in");
    StringWriter out = new StringWriter();
    equal(copy.copyOut("COPY (SELECT * FROM e2e.copied ORDER BY a) TO STDOUT", out), (long) ROWS, "copied out");
    equal(out.toString().contentEquals(lines), true, "copied text");
    fails("22P02", () -> copy.copyIn("COPY e2e.copied FROM STDIN", new StringReader("x\ty\n" + lines)));
    fails("42P01", () -> copy.copyIn("COPY e2e.nothing FROM STDIN", new StringReader("x\ty\n")));
    CopyIn given = copy.copyIn("COPY e2e.copied FROM STDIN");
    byte[] line = "1\tx\n".getBytes();
    given.writeToCopy(line, 0, line.length);
    given.cancelCopy();
    equal(value(connection, "SELECT count(*) FROM e2e.copied"), String.valueOf(ROWS), "rows");
  }

  private static void batches(Connection connection) throws Exception {
    execute(connection, "DROP TABLE IF EXISTS e2e.many; CREATE TABLE e2e.many (a int PRIMARY KEY, b text)");
    try (PreparedStatement insert = connection.prepareStatement("INSERT INTO e2e.many VALUES (?, ?)")) {
      for (int i = 0; i < 10_000; ++i) {
        insert.setInt(1, i);
        insert.setString(2, "row " + i);
        insert.addBatch();
      }
      equal(insert.executeBatch().length, 10_000, "batch");
      connection.setAutoCommit(false);
      for (int i = 0; i < 1000; ++i) {
        insert.setInt(1, i == 500 ? 1 : 20_000 + i);
        insert.setString(2, "x");
        insert.addBatch();
      }
      try {
        insert.executeBatch();
        throw new AssertionError("no error in the batch");
      } catch (BatchUpdateException error) {
        equal(error.getSQLState(), "23505", error.getMessage());
      }
      connection.rollback();
      connection.setAutoCommit(true);
    }
    try (Statement statement = connection.createStatement()) {
      for (int i = 0; i < 500; ++i) statement.addBatch("UPDATE e2e.many SET b = 'u' WHERE a = " + i);
      statement.executeBatch();
      statement.addBatch("INSERT INTO e2e.many VALUES (50000, 'x')");
      statement.addBatch("SELEC");
      statement.addBatch("INSERT INTO e2e.many VALUES (50001, 'x')");
      fails("42601", statement::executeBatch);
    }
    try (PreparedStatement insert =
             connection.prepareStatement("INSERT INTO e2e.many VALUES (?, 'keys')", Statement.RETURN_GENERATED_KEYS)) {
      for (int i = 0; i < 300; ++i) {
        insert.setInt(1, 30_000 + i);
        insert.addBatch();
      }
      insert.executeBatch();
      try (ResultSet keys = insert.getGeneratedKeys()) {
        equal(keys.next(), true, "keys");
        equal(keys.getInt(1), 30_000, "key");
      }
    }
    equal(value(connection, "SELECT count(*) || ' ' || count(*) FILTER (WHERE b = 'u') FROM e2e.many WHERE a < 50000"),
        "10300 500", "rows");
  }

  private static void prepared(Connection connection) throws Exception {
    try (PreparedStatement statement = connection.prepareStatement("SELECT ?::int * 2")) {
      for (int i = 0; i < 30; ++i) {
        statement.setInt(1, i);
        try (ResultSet result = statement.executeQuery()) {
          result.next();
          equal(result.getInt(1), i * 2, "doubled");
        }
      }
    }
    for (int i = 0; i < 300; ++i) { // more than its cache holds
      for (int again = 0; again < 6; ++again)
        equal(value(connection, "SELECT " + i + " + ?::int", 1), String.valueOf(i + 1), "sum");
    }
    // "cached plan must not change result type": with autosave it tries again by itself.
    execute(connection,
        "DROP TABLE IF EXISTS e2e.changing; CREATE TABLE e2e.changing (a int); INSERT INTO e2e.changing VALUES (1)");
    for (int i = 0; i < 8; ++i) equal(value(connection, "SELECT * FROM e2e.changing"), "1", "before");
    execute(connection, "ALTER TABLE e2e.changing ADD b int");
    for (int i = 0; i < 8; ++i) equal(value(connection, "SELECT * FROM e2e.changing"), "1", "after");
    execute(connection, "DEALLOCATE ALL");
    execute(connection, "DISCARD ALL");
    equal(value(connection, "SELECT ?::int * 2", 4), "8", "after DISCARD ALL");
    try (var call = connection.prepareCall("{ ? = call pg_catalog.abs(?) }")) {
      for (int i = 0; i < 8; ++i) {
        call.registerOutParameter(1, Types.INTEGER);
        call.setInt(2, -i);
        call.execute();
        equal(call.getInt(1), i, "call");
      }
    }
  }

  private static void largeObjects(Connection connection) throws SQLException {
    connection.setAutoCommit(false);
    LargeObjectManager manager = connection.unwrap(PGConnection.class).getLargeObjectAPI();
    long oid = manager.createLO();
    byte[] bytes = "large ".repeat(50_000).getBytes();
    LargeObject object = manager.open(oid);
    object.write(bytes);
    object.seek(0);
    equal(object.read(bytes.length), bytes, "large object");
    object.close();
    manager.delete(oid);
    connection.commit();
    connection.setAutoCommit(true);
  }

  private static void cancelling(Connection connection, Connection other) throws Exception {
    for (boolean autoCommit : new boolean[] {true, false}) {
      connection.setAutoCommit(autoCommit);
      long started = System.currentTimeMillis();
      try (PreparedStatement sleep = connection.prepareStatement("SELECT pg_sleep(30)")) {
        Thread thread = new Thread(() -> {
          try {
            long deadline = System.currentTimeMillis() + LIMIT_MS;
            while (!"1".equals(value(other,
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND query LIKE "
                    + "'%pg_sleep(30)%' AND pid <> pg_backend_pid()"))) {
              if (System.currentTimeMillis() > deadline)
                return;
              Thread.sleep(20);
            }
            sleep.cancel();
          } catch (Exception problem) {
            problem.printStackTrace();
          }
        });
        thread.start();
        fails("57014", sleep::executeQuery);
        thread.join();
        if (!autoCommit)
          connection.rollback();
        equal(value(connection, "SELECT 'next'"), "next", "next");
        sleep.setQueryTimeout(1);
        fails("57014", sleep::executeQuery);
        if (!autoCommit)
          connection.rollback();
        equal(value(connection, "SELECT 'next'"), "next", "next");
      }
      equal(System.currentTimeMillis() - started < LIMIT_MS, true, "soon");
      if (!autoCommit)
        connection.commit();
    }
    connection.setAutoCommit(true);
  }

  private static void notifications(Connection connection, Connection other) throws SQLException {
    execute(connection, "LISTEN e2e");
    for (String payload : new String[] {"first", "", "x".repeat(7000)}) {
      value(other, "SELECT pg_notify('e2e', ?)", payload);
      PGNotification[] heard = connection.unwrap(PGConnection.class).getNotifications(LIMIT_MS);
      equal(heard != null && heard.length == 1, true, "notified while idle");
      equal(heard[0].getParameter(), payload, "payload");
    }
    execute(connection, "UNLISTEN *");
  }

  public static void main(String[] arguments) throws Exception {
    try (Connection connection = connect(); Connection other = connect("preferQueryMode", "simple")) {
      section("types", () -> types(connection));
      section("metadata", () -> metadata(connection));
      section("transactions", () -> transactions(connection));
      section("large result", () -> large(connection));
      section("copy", () -> copying(connection));
      section("batches", () -> batches(connection));
      section("large objects", () -> largeObjects(connection));
      section("cancel", () -> cancelling(connection, other));
      section("notify", () -> notifications(connection, other));
    }
    try (Connection connection = connect("autosave", "conservative")) {
      section("prepared", () -> prepared(connection));
    }
    for (String mode : new String[] {"extendedForPrepared", "extendedCacheEverything", "simple"}) {
      try (Connection connection = connect("preferQueryMode", mode)) {
        section("transactions, " + mode, () -> transactions(connection));
        section("batches, " + mode, () -> batches(connection));
      }
    }
    try (Connection connection =
             connect("reWriteBatchedInserts", "true", "prepareThreshold", "-1", "autosave", "always")) {
      section("types, always binary", () -> types(connection));
      section("batches, rewritten", () -> batches(connection));
    }
    try (Connection connection =
             connect("assumeMinServerVersion", "15", "prepareThreshold", "1", "defaultRowFetchSize", "100")) {
      section("large result, other options", () -> large(connection));
    }
  }
}
