import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.SQLWarning;
import java.sql.Statement;
import java.util.Properties;
import java.util.Scanner;

/** One statement that is held, through JDBC; see ../approvals_test.py. */
public final class JdbcHold {
  private static void say(String line) {
    System.out.println(line);
    System.out.flush();
  }

  /** For as long as there is something to be told by. */
  private static void cancelWhenTold(Statement statement) {
    Thread thread = new Thread(() -> {
      try (Scanner lines = new Scanner(System.in)) {
        while (lines.hasNextLine()) {
          if (lines.nextLine().equals("cancel")) statement.cancel();
        }
      } catch (SQLException error) {
        say("CANCEL " + error.getMessage());
      }
    });
    thread.setDaemon(true);
    thread.start();
  }

  public static void main(String[] arguments) throws SQLException {
    Properties properties = new Properties();
    properties.setProperty("user", System.getenv("PGUSER"));
    properties.setProperty("password", System.getenv("PGPASSWORD"));
    String url = "jdbc:postgresql://127.0.0.1:" + System.getenv("PGPORT") + "/" + System.getenv("PGDATABASE");
    try (Connection connection = DriverManager.getConnection(url, properties)) {
      try (PreparedStatement statement = connection.prepareStatement(arguments[0])) {
        statement.setInt(1, Integer.parseInt(arguments[1]));
        cancelWhenTold(statement);
        StringBuilder names = new StringBuilder();
        try (ResultSet rows = statement.executeQuery()) {
          for (SQLWarning notice = statement.getWarnings(); notice != null; notice = notice.getNextWarning())
            say("NOTICE " + notice.getMessage());
          while (rows.next()) names.append(names.length() > 0 ? "," : "").append(rows.getString(1));
        }
        say("ROWS " + names);
      } catch (SQLException error) {
        say("ERROR " + error.getSQLState() + " " + error.getMessage().split("\n")[0]);
      }
      try (Statement statement = connection.createStatement(); ResultSet rows = statement.executeQuery("SELECT count(*) FROM fruits")) {
        rows.next();
        say("THEN " + rows.getInt(1));
      } catch (SQLException error) {
        say("THEN " + error.getSQLState());
      }
    }
  }
}
