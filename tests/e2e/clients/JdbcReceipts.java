import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.SQLWarning;
import java.sql.Statement;
import java.util.Properties;
import org.postgresql.util.PSQLWarning;

/** Receipts of audit records through JDBC; see ../receipts_test.py. */
public final class JdbcReceipts {
  private static void show(Statement statement) throws SQLException {
    for (SQLWarning warning = statement.getWarnings(); warning != null; warning = warning.getNextWarning())
      System.out.println(
          "RECEIPT " + warning.getSQLState() + " " + ((PSQLWarning) warning).getServerErrorMessage().getDetail());
  }

  public static void main(String[] arguments) throws SQLException {
    Properties properties = new Properties();
    properties.setProperty("user", System.getenv("PGUSER"));
    properties.setProperty("password", System.getenv("PGPASSWORD"));
    properties.setProperty("options", "-c dbgate.receipts=on");
    String url = "jdbc:postgresql://127.0.0.1:" + System.getenv("PGPORT") + "/" + System.getenv("PGDATABASE");
    try (Connection connection = DriverManager.getConnection(url, properties)) {
      try (PreparedStatement statement = connection.prepareStatement("SELECT ? + 1")) {
        statement.setInt(1, 41);
        try (ResultSet rows = statement.executeQuery()) {
          rows.next();
          System.out.println("ROW " + rows.getInt(1));
          show(statement);
        }
      }
      connection.setAutoCommit(false);
      try (Statement statement = connection.createStatement()) {
        statement.setFetchSize(2);
        int sum = 0;
        try (ResultSet rows = statement.executeQuery("SELECT generate_series(1, 9)")) {
          while (rows.next()) sum += rows.getInt(1);
        }
        System.out.println("ROW " + sum);
        statement.addBatch("CREATE TEMP TABLE fruits (id int)");
        statement.addBatch("INSERT INTO fruits VALUES (1), (2)");
        System.out.println("ROW " + statement.executeBatch()[1]);
      }
      try (Statement statement = connection.createStatement()) {
        statement.execute("SELECT 1 / 0");
      } catch (SQLException error) {
        System.out.println("ERROR " + error.getSQLState());
      }
      connection.rollback();
    }
  }
}
