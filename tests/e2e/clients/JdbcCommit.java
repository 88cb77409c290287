import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Arrays;
import java.util.Properties;

/** Changes that are shown before they are committed, through JDBC; see ../commit_gate_drivers_test.py. */
public final class JdbcCommit {
  private static void run(Connection connection, String mode, String[] statements) throws SQLException {
    connection.setAutoCommit(mode.equals("auto"));
    if (mode.equals("batch")) {
      try (PreparedStatement statement = connection.prepareStatement(statements[0])) {
        for (int i = 1; i <= Integer.parseInt(statements[1]); ++i) {
          statement.setInt(1, i);
          statement.addBatch();
        }
        statement.executeBatch();
      }
    } else {
      for (String text : statements) {
        try (PreparedStatement statement = connection.prepareStatement(text)) {
          statement.execute();
        }
      }
    }
    if (!connection.getAutoCommit()) connection.commit();
  }

  public static void main(String[] arguments) throws SQLException {
    Properties properties = new Properties();
    properties.setProperty("user", System.getenv("PGUSER"));
    properties.setProperty("password", System.getenv("PGPASSWORD"));
    String url = "jdbc:postgresql://127.0.0.1:" + System.getenv("PGPORT") + "/" + System.getenv("PGDATABASE");
    try (Connection connection = DriverManager.getConnection(url, properties)) {
      try {
        run(connection, arguments[0], Arrays.copyOfRange(arguments, 1, arguments.length));
        System.out.println("STATE 00000");
      } catch (SQLException error) {
        System.out.println("STATE " + error.getSQLState() + " " + error.getMessage().split("\n")[0]);
      }
      if (!connection.getAutoCommit()) connection.rollback();
      try (Statement statement = connection.createStatement(); ResultSet rows = statement.executeQuery("SELECT count(*) FROM shops")) {
        rows.next();
        System.out.println("THEN " + rows.getInt(1));
      }
    }
  }
}
