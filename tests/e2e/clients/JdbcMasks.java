import java.sql.Connection;
import java.sql.Date;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Time;
import java.sql.Timestamp;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.UUID;

/** JDBC over masked tables, in text and binary; see ../masks_test.py. */
public final class JdbcMasks {
  private static final List<String> KINDS = List.of("null", "redact", "hash", "range", "partial", "email");
  private static final Map<String, Class<?>> TYPES = Map.ofEntries(
      Map.entry("text", String.class), Map.entry("varchar", String.class), Map.entry("char", String.class),
      Map.entry("int2", Integer.class), Map.entry("int4", Integer.class), Map.entry("int8", Long.class),
      Map.entry("price", java.math.BigDecimal.class), Map.entry("float4", Float.class), Map.entry("float8", Double.class),
      Map.entry("date", Date.class), Map.entry("timestamp", Timestamp.class), Map.entry("timestamptz", Timestamp.class),
      Map.entry("time", Time.class), Map.entry("uuid", UUID.class), Map.entry("bytea", byte[].class),
      Map.entry("bool", Boolean.class), Map.entry("texts", java.sql.Array.class), Map.entry("varchars", java.sql.Array.class));

  private static String quoted(String text) {
    StringBuilder json = new StringBuilder("\"");
    for (char c : text.toCharArray())
      json.append(c < ' ' || c == '"' || c == '\\' ? String.format("\\u%04x", (int) c) : String.valueOf(c));
    return json.append('"').toString();
  }

  private static Connection connect(boolean binary) throws SQLException {
    Properties properties = new Properties();
    properties.setProperty("user", System.getenv("PGUSER"));
    properties.setProperty("password", System.getenv("PGPASSWORD"));
    properties.setProperty("prepareThreshold", binary ? "-1" : "0");
    properties.setProperty("binaryTransfer", Boolean.toString(binary));
    return DriverManager.getConnection("jdbc:postgresql://127.0.0.1:" + System.getenv("PGPORT") + "/postgres", properties);
  }

  private static void read(Connection connection, String kind, String column) throws SQLException {
    try (PreparedStatement statement = connection.prepareStatement("SELECT " + column + " FROM m_" + kind + " ORDER BY id");
         ResultSet rows = statement.executeQuery()) {
      while (rows.next()) {
        Object value = rows.getObject(1);
        Class<?> wanted = TYPES.getOrDefault(column.substring(2), Object.class);
        // A NaN has no BigDecimal.
        boolean nan = value instanceof Double number && number.isNaN();
        if (value != null && !nan && !wanted.isInstance(value))
          throw new AssertionError(kind + "." + column + ": " + value.getClass() + " is no " + wanted);
        String text = value instanceof byte[] bytes ? new String(bytes, java.nio.charset.StandardCharsets.ISO_8859_1) : String.valueOf(value);
        System.out.println("CELL {\"table\": \"m_" + kind + "\", \"column\": \"" + column + "\", \"value\": " + quoted(text) + "}");
      }
    }
  }

  private static String later(PreparedStatement statement) throws SQLException {
    try (ResultSet rows = statement.executeQuery()) {
      rows.next();
      return rows.getString(1);
    }
  }

  public static void main(String[] arguments) throws Exception {
    for (boolean binary : new boolean[] {false, true}) {
      try (Connection connection = connect(binary)) {
        List<String> columns = new ArrayList<>();
        try (ResultSet rows = connection.getMetaData().getColumns(null, "public", "m_null", "c%")) {
          while (rows.next())
            columns.add(rows.getString("COLUMN_NAME"));
        }
        for (String column : columns) {
          for (String kind : KINDS)
            read(connection, kind, column);
        }
      }
    }
    String sql = "SELECT c_text FROM later WHERE id = 0";
    try (Connection text = connect(false); Connection binary = connect(true);
         PreparedStatement one = text.prepareStatement(sql); PreparedStatement two = binary.prepareStatement(sql)) {
      for (int i = 0; i < 8; ++i) {
        if (!later(one).startsWith("КАНАРКА") || !later(two).startsWith("КАНАРКА"))
          throw new AssertionError("no mask yet");
      }
      System.out.println("READY");
      System.in.read();
      // JDBC prepares again by itself.
      for (int i = 0; i < 2; ++i) {
        System.out.println("LATER " + quoted(later(one)));
        System.out.println("LATER " + quoted(later(two)));
      }
      try (Statement plain = text.createStatement(); ResultSet rows = plain.executeQuery(sql)) {
        rows.next();
        System.out.println("LATER " + quoted(rows.getString(1)));
      }
    }
  }
}
