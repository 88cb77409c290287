/* libpq from C: what only its own interface reaches - pipelines that are flushed without Sync, FunctionCall, a COPY
 * given up by the client, single rows, cancel, notifications while idle. */
#include <arpa/inet.h>
#include <libpq-fe.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { rows = 100000, wait_ms = 15000 };
static const char* section = "start";

static void stop(int line, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fprintf(stderr, "FAILED: %s, line %d: ", section, line);
  vfprintf(stderr, format, arguments);
  fprintf(stderr, "\n");
  va_end(arguments);
  exit(1);
}
#define CHECK(condition, ...)                                             \
  do {                                                                    \
    if (!(condition)) stop(__LINE__, "not " #condition ": " __VA_ARGS__); \
  } while (0)

static PGconn* open_connection(void) {
  PGconn* connection = PQconnectdb("");
  CHECK(PQstatus(connection) == CONNECTION_OK, "%s", PQerrorMessage(connection));
  return connection;
}

static void is(int line, PGconn* connection, PGresult* result, ExecStatusType status, const char* value) {
  if (PQresultStatus(result) != status) {
    stop(line, "%s instead of %s: %s %s", PQresStatus(PQresultStatus(result)), PQresStatus(status),
         PQresultErrorMessage(result), PQerrorMessage(connection));
  }
  const char* got = status == PGRES_FATAL_ERROR ? PQresultErrorField(result, PG_DIAG_SQLSTATE)
                    : PQntuples(result) > 0     ? PQgetvalue(result, 0, 0)
                                                : PQcmdStatus(result);
  if (value != NULL && (got == NULL || strcmp(got, value) != 0))
    stop(line, "'%s' instead of '%s'", got ? got : "", value);
  PQclear(result);
}
/* The value of the first row, the command tag if there is no row, or the SQLSTATE of an error. */
#define IS(result, status, value) is(__LINE__, connection, result, status, value)
#define NO_MORE() CHECK(PQgetResult(connection) == NULL, "another result")

static void quiet(void* argument, const char* message) { strncpy(argument, message, 99); }

static void simple(PGconn* connection) {
  IS(PQexec(connection, "SELECT 1"), PGRES_TUPLES_OK, "1");
  IS(PQexec(connection, ""), PGRES_EMPTY_QUERY, NULL);
  IS(PQexec(connection, "SELECT 1; SELECT 2"), PGRES_TUPLES_OK, "2");
  CHECK(PQsendQuery(connection, "SELECT 1; ; CREATE TABLE e2e.t (a int); SELECT 1/0; SELECT 2"), "%s", "");
  IS(PQgetResult(connection), PGRES_TUPLES_OK, "1");
  IS(PQgetResult(connection), PGRES_COMMAND_OK, "CREATE TABLE");
  IS(PQgetResult(connection), PGRES_FATAL_ERROR, "22012");
  NO_MORE();
  IS(PQexec(connection, "SELECT FROM t WHERE"), PGRES_FATAL_ERROR, "42601");
  IS(PQexec(connection, "SELECT to_regclass('e2e.t') IS NULL"), PGRES_TUPLES_OK, "t");
  char heard[100] = "";
  PQsetNoticeProcessor(connection, quiet, heard);
  IS(PQexec(connection, "DO $$ BEGIN RAISE WARNING 'heard'; END $$"), PGRES_COMMAND_OK, "DO");
  CHECK(strcmp(heard, "WARNING:  heard\n") == 0, "%s", heard);
  IS(PQexec(connection, "SET TimeZone = 'Asia/Tokyo'"), PGRES_COMMAND_OK, "SET");
  CHECK(strcmp(PQparameterStatus(connection, "TimeZone"), "Asia/Tokyo") == 0, "%s",
        PQparameterStatus(connection, "TimeZone"));
  IS(PQexec(connection, "BEGIN; SET LOCAL TimeZone = 'UTC'"), PGRES_COMMAND_OK, "SET");
  CHECK(PQtransactionStatus(connection) == PQTRANS_INTRANS, "%d", PQtransactionStatus(connection));
  CHECK(strcmp(PQparameterStatus(connection, "TimeZone"), "UTC") == 0, "%s", PQparameterStatus(connection, "TimeZone"));
  IS(PQexec(connection, "SELEC"), PGRES_FATAL_ERROR, "42601");
  CHECK(PQtransactionStatus(connection) == PQTRANS_INERROR, "%d", PQtransactionStatus(connection));
  IS(PQexec(connection, "SELECT 1"), PGRES_FATAL_ERROR, "25P02");
  IS(PQexec(connection, "COMMIT"), PGRES_COMMAND_OK, "ROLLBACK");
  CHECK(strcmp(PQparameterStatus(connection, "TimeZone"), "Asia/Tokyo") == 0, "%s",
        PQparameterStatus(connection, "TimeZone"));
}

/* Server connections are shared: names and pids on them are not the session's. */
static bool pooled(void) {
  return strcmp(getenv("DBGATE_POOLED"), "1") == 0;
}

static void parameters(PGconn* connection) {
  const uint32_t number = htonl(41);
  static const char blob[] = "\0\1\2'\\\377";
  const char* values[] = {(const char*)&number, blob, NULL, "text"};
  const int lengths[] = {4, 6, 0, 0};
  const int formats[] = {1, 1, 0, 0};
  const Oid types[] = {23, 17, 0, 25};
  for (int format = 0; format < 2; ++format) {
    PGresult* result =
        PQexecParams(connection, "SELECT $1 + 1, $2, $3::int, $4 || '!'", 4, types, values, lengths, formats, format);
    CHECK(PQresultStatus(result) == PGRES_TUPLES_OK, "%s", PQerrorMessage(connection));
    CHECK(PQftype(result, 1) == 17 && PQfformat(result, 0) == format, "%u", PQftype(result, 1));
    CHECK(PQgetisnull(result, 0, 2) && !PQgetisnull(result, 0, 1), "%s", "NULL");
    if (format == 1) {
      uint32_t got;
      memcpy(&got, PQgetvalue(result, 0, 0), 4);
      CHECK(ntohl(got) == 42, "%u", ntohl(got));
      CHECK(PQgetlength(result, 0, 1) == 6 && memcmp(PQgetvalue(result, 0, 1), blob, 6) == 0, "%s", "bytea");
    } else {
      CHECK(strcmp(PQgetvalue(result, 0, 1), "\\x000102275cff") == 0, "%s", PQgetvalue(result, 0, 1));
    }
    PQclear(result);
  }
  IS(PQprepare(connection, "named", "SELECT $1::int * 2", 0, NULL), PGRES_COMMAND_OK, NULL);
  IS(PQprepare(connection, "named", "SELECT 1", 0, NULL), PGRES_FATAL_ERROR, "42P05");
  for (int i = 0; i < 20; ++i) {
    char text[20], twice[20];
    snprintf(text, sizeof text, "%d", i);
    snprintf(twice, sizeof twice, "%d", i * 2);
    const char* value = text;
    IS(PQexecPrepared(connection, "named", 1, &value, NULL, NULL, 0), PGRES_TUPLES_OK, twice);
  }
  PGresult* described = PQdescribePrepared(connection, "named");
  CHECK(PQnparams(described) == 1 && PQparamtype(described, 0) == 23 && PQnfields(described) == 1, "%s",
        PQerrorMessage(connection));
  PQclear(described);
  if (!pooled()) IS(PQexec(connection, "EXECUTE named (4)"), PGRES_TUPLES_OK, "8");
  IS(PQexec(connection, "DEALLOCATE named"), PGRES_COMMAND_OK, "DEALLOCATE");
  IS(PQexecPrepared(connection, "named", 0, NULL, NULL, NULL, 0), PGRES_FATAL_ERROR, "26000");
  IS(PQdescribePrepared(connection, "never"), PGRES_FATAL_ERROR, "26000");
  IS(PQdescribePortal(connection, "never"), PGRES_FATAL_ERROR, "34000");
  IS(PQexec(connection, "PREPARE by_sql AS SELECT 'prepared'"), PGRES_COMMAND_OK, "PREPARE");
  IS(PQexecPrepared(connection, "by_sql", 0, NULL, NULL, NULL, 0), PGRES_TUPLES_OK, "prepared");
  IS(PQexec(connection, "BEGIN; DECLARE c CURSOR FOR SELECT 5 AS five"), PGRES_COMMAND_OK, NULL);
  described = PQdescribePortal(connection, "c");
  CHECK(PQnfields(described) == 1 && strcmp(PQfname(described, 0), "five") == 0, "%s", PQerrorMessage(connection));
  PQclear(described);
  IS(PQexec(connection, "FETCH c; COMMIT"), PGRES_COMMAND_OK, "COMMIT");
  IS(PQexecParams(connection, "SELEC $1", 1, NULL, &(const char*){"1"}, NULL, NULL, 0), PGRES_FATAL_ERROR, "42601");
  IS(PQexecParams(connection, "SELECT 1/$1::int", 1, NULL, &(const char*){"0"}, NULL, NULL, 0), PGRES_FATAL_ERROR,
     "22012");
  IS(PQexecParams(connection, "", 0, NULL, NULL, NULL, NULL, 0), PGRES_EMPTY_QUERY, NULL);
  IS(PQexecParams(connection, "SELECT 1", 0, NULL, NULL, NULL, NULL, 0), PGRES_TUPLES_OK, "1");
}

static void large(PGconn* connection) {
  CHECK(PQsendQueryParams(connection, "SELECT g, repeat('x', 50) FROM generate_series(1, $1::int) g", 1, NULL,
                          &(const char*){"100000"}, NULL, NULL, 0),
        "%s", PQerrorMessage(connection));
  CHECK(PQsetSingleRowMode(connection), "%s", "single rows");
  long count = 0, sum = 0;
  PGresult* result;
  while ((result = PQgetResult(connection)) != NULL) {
    if (PQresultStatus(result) == PGRES_SINGLE_TUPLE) {
      ++count;
      sum += atol(PQgetvalue(result, 0, 0));
    } else {
      CHECK(PQresultStatus(result) == PGRES_TUPLES_OK, "%s", PQerrorMessage(connection));
    }
    PQclear(result);
  }
  CHECK(count == rows && sum == (long)rows * (rows + 1) / 2, "%ld rows", count);
  IS(PQexec(connection, "SELECT repeat('x', 20000000)"), PGRES_TUPLES_OK, NULL);
  char* big = malloc(5000001);
  memset(big, 'y', 5000000);
  big[5000000] = 0;
  IS(PQexecParams(connection, "SELECT length($1)", 1, (const Oid[]){25}, (const char* const*)&big, NULL, NULL, 0),
     PGRES_TUPLES_OK, "5000000");
  free(big);
}

static int put(PGconn* connection, const char* text) { return PQputCopyData(connection, text, (int)strlen(text)); }

static void copying(PGconn* connection) {
  IS(PQexec(connection, "CREATE TABLE e2e.copied (a int, b text)"), PGRES_COMMAND_OK, NULL);
  for (int extended = 0; extended < 2; ++extended) {
    const char* statement = "COPY e2e.copied FROM STDIN";
    IS(extended ? PQexecParams(connection, statement, 0, NULL, NULL, NULL, NULL, 0) : PQexec(connection, statement),
       PGRES_COPY_IN, NULL);
    for (int i = 0; i < rows; ++i) {
      char line[40];
      snprintf(line, sizeof line, "%d\ttext %d\n", i, i);
      CHECK(put(connection, line) == 1, "%s", PQerrorMessage(connection));
    }
    CHECK(PQputCopyEnd(connection, NULL) == 1, "%s", PQerrorMessage(connection));
    IS(PQgetResult(connection), PGRES_COMMAND_OK, "COPY 100000");
    NO_MORE();
    /* Given up by the client: CopyFail. */
    IS(extended ? PQexecParams(connection, statement, 0, NULL, NULL, NULL, NULL, 0) : PQexec(connection, statement),
       PGRES_COPY_IN, NULL);
    put(connection, "1\tx\n");
    CHECK(PQputCopyEnd(connection, "given up") == 1, "%s", PQerrorMessage(connection));
    IS(PQgetResult(connection), PGRES_FATAL_ERROR, "57014");
    NO_MORE();
    /* Refused by the server while data still come. */
    IS(extended ? PQexecParams(connection, statement, 0, NULL, NULL, NULL, NULL, 0) : PQexec(connection, statement),
       PGRES_COPY_IN, NULL);
    put(connection, "not a number\tx\n");
    for (int i = 0; i < 200000; ++i) {
      if (put(connection, "1\ttext\n") != 1) break;
    }
    PQputCopyEnd(connection, NULL);
    IS(PQgetResult(connection), PGRES_FATAL_ERROR, "22P02");
    NO_MORE();
    IS(PQexec(connection, "SELECT 'next'"), PGRES_TUPLES_OK, "next");
    IS(extended ? PQexecParams(connection, "COPY e2e.nothing FROM STDIN", 0, NULL, NULL, NULL, NULL, 0)
                : PQexec(connection, "COPY e2e.nothing FROM STDIN"),
       PGRES_FATAL_ERROR, "42P01");
    IS(extended ? PQexecParams(connection, "COPY e2e.copied TO STDOUT", 0, NULL, NULL, NULL, NULL, 0)
                : PQexec(connection, "COPY e2e.copied TO STDOUT"),
       PGRES_COPY_OUT, NULL);
    long count = 0;
    int length;
    char* line;
    while ((length = PQgetCopyData(connection, &line, 0)) > 0) {
      ++count;
      PQfreemem(line);
    }
    CHECK(length == -1 && count == (extended ? 2 : 1) * rows, "%ld lines", count);
    IS(PQgetResult(connection), PGRES_COMMAND_OK, NULL);
    NO_MORE();
  }
  /* Two copies and a query in one message. */
  CHECK(PQsendQuery(connection, "COPY e2e.copied FROM STDIN; SELECT 1; COPY e2e.copied FROM STDIN; SELECT 2"), "%s",
        "");
  for (int i = 1; i <= 2; ++i) {
    IS(PQgetResult(connection), PGRES_COPY_IN, NULL);
    put(connection, "1\tx\n2\ty\n");
    PQputCopyEnd(connection, NULL);
    IS(PQgetResult(connection), PGRES_COMMAND_OK, "COPY 2");
    IS(PQgetResult(connection), PGRES_TUPLES_OK, i == 1 ? "1" : "2");
  }
  NO_MORE();
}

static void pipeline(PGconn* connection) {
  IS(PQexec(connection, "CREATE TABLE e2e.many (a int PRIMARY KEY)"), PGRES_COMMAND_OK, NULL);
  CHECK(PQenterPipelineMode(connection), "%s", PQerrorMessage(connection));
#define SEND(sql) \
  CHECK(PQsendQueryParams(connection, sql, 0, NULL, NULL, NULL, NULL, 0), "%s", PQerrorMessage(connection))
  /* Three segments: well, with an error of the server, with an error that dbgate's parser finds first. */
  SEND("INSERT INTO e2e.many VALUES (1)");
  CHECK(PQsendPrepare(connection, "in_pipeline", "SELECT $1::int + 1", 0, NULL), "%s", PQerrorMessage(connection));
  CHECK(PQsendQueryPrepared(connection, "in_pipeline", 1, &(const char*){"4"}, NULL, NULL, 0), "%s", "");
  CHECK(PQpipelineSync(connection), "%s", "");
  SEND("INSERT INTO e2e.many VALUES (2)");
  SEND("INSERT INTO e2e.many VALUES (1)");
  SEND("INSERT INTO e2e.many VALUES (3)");
  CHECK(PQpipelineSync(connection), "%s", "");
  SEND("INSERT INTO e2e.many VALUES (4)");
  SEND("INSERT INTO e2e.many VALUES");
  SEND("SELEC");
  CHECK(PQpipelineSync(connection), "%s", "");
  SEND("SELECT count(*) FROM e2e.many");
  CHECK(PQpipelineSync(connection), "%s", "");

  IS(PQgetResult(connection), PGRES_COMMAND_OK, "INSERT 0 1");
  NO_MORE();
  IS(PQgetResult(connection), PGRES_COMMAND_OK, NULL);
  NO_MORE();
  IS(PQgetResult(connection), PGRES_TUPLES_OK, "5");
  NO_MORE();
  IS(PQgetResult(connection), PGRES_PIPELINE_SYNC, NULL);
  IS(PQgetResult(connection), PGRES_COMMAND_OK, "INSERT 0 1");
  NO_MORE();
  IS(PQgetResult(connection), PGRES_FATAL_ERROR, "23505");
  NO_MORE();
  IS(PQgetResult(connection), PGRES_PIPELINE_ABORTED, NULL);
  NO_MORE();
  IS(PQgetResult(connection), PGRES_PIPELINE_SYNC, NULL);
  IS(PQgetResult(connection), PGRES_COMMAND_OK, "INSERT 0 1");
  NO_MORE();
  IS(PQgetResult(connection), PGRES_FATAL_ERROR, "42601");
  NO_MORE();
  IS(PQgetResult(connection), PGRES_PIPELINE_ABORTED, NULL);
  NO_MORE();
  IS(PQgetResult(connection), PGRES_PIPELINE_SYNC, NULL);
  IS(PQgetResult(connection), PGRES_TUPLES_OK, "1");
  NO_MORE();
  IS(PQgetResult(connection), PGRES_PIPELINE_SYNC, NULL);

  /* Flush: answers without a Sync, and the transaction stays open. */
  SEND("BEGIN");
  for (int i = 0; i < 50; ++i) {
    SEND("SELECT 'flushed'");
    CHECK(PQsendFlushRequest(connection) && PQflush(connection) == 0, "%s", PQerrorMessage(connection));
    if (i == 0) {
      IS(PQgetResult(connection), PGRES_COMMAND_OK, "BEGIN");
      NO_MORE();
    }
    IS(PQgetResult(connection), PGRES_TUPLES_OK, "flushed");
    NO_MORE();
  }
  SEND("SAVEPOINT s");
  SEND("ROLLBACK TO s");
  SEND("SELEC");
  CHECK(PQsendFlushRequest(connection) && PQflush(connection) == 0, "%s", "");
  IS(PQgetResult(connection), PGRES_COMMAND_OK, "SAVEPOINT");
  NO_MORE();
  IS(PQgetResult(connection), PGRES_COMMAND_OK, "ROLLBACK");
  NO_MORE();
  IS(PQgetResult(connection), PGRES_FATAL_ERROR, "42601");
  NO_MORE();
  CHECK(PQpipelineSync(connection), "%s", "");
  IS(PQgetResult(connection), PGRES_PIPELINE_SYNC, NULL);
  SEND("ROLLBACK TO s");
  SEND("COMMIT");
  CHECK(PQpipelineSync(connection), "%s", "");
  IS(PQgetResult(connection), PGRES_COMMAND_OK, "ROLLBACK");
  NO_MORE();
  IS(PQgetResult(connection), PGRES_COMMAND_OK, "COMMIT");
  NO_MORE();
  IS(PQgetResult(connection), PGRES_PIPELINE_SYNC, NULL);

  /* A deep pipeline: the socket fills in both directions, and nobody may wait for the other. */
  CHECK(PQsetnonblocking(connection, 1) == 0, "%s", "");
  const int depth = 20000;
  int sent = 0, got = 0;
  bool synced = false, asked = false;
  while (!synced) {
    if (sent < depth) {
      SEND("SELECT repeat('x', 1000)");
      ++sent;
    } else if (!asked) {
      CHECK(PQpipelineSync(connection), "%s", "");
      asked = true;
    }
    const int left = PQflush(connection);
    CHECK(left >= 0, "%s", PQerrorMessage(connection));
    struct pollfd ready = {PQsocket(connection), (short)(POLLIN | (left ? POLLOUT : 0)), 0};
    CHECK(poll(&ready, 1, sent < depth && !left ? 0 : wait_ms) > 0 || (sent < depth && !left),
          "the pipeline hangs after %d", got);
    if (ready.revents & POLLIN) CHECK(PQconsumeInput(connection), "%s", PQerrorMessage(connection));
    while (got < depth && sent > got && !PQisBusy(connection)) {
      PGresult* result = PQgetResult(connection);
      if (result == NULL) continue;
      IS(result, PGRES_TUPLES_OK, NULL);
      NO_MORE();
      ++got;
    }
    if (asked && got == depth && !PQisBusy(connection)) {
      PGresult* result = PQgetResult(connection);
      if (result == NULL) continue;
      IS(result, PGRES_PIPELINE_SYNC, NULL);
      synced = true;
    }
  }
  CHECK(PQsetnonblocking(connection, 0) == 0, "%s", "");
  CHECK(PQexitPipelineMode(connection), "%s", PQerrorMessage(connection));
  IS(PQexec(connection, "SELECT 'out'"), PGRES_TUPLES_OK, "out");
}

static void function_call(PGconn* connection) {
  int result = 0, length = 0;
  /* int4pl has oid 177. */
  const PQArgBlock terms[] = {{4, 1, {.integer = 40}}, {4, 1, {.integer = 2}}};
  PGresult* done = PQfn(connection, 177, &result, &length, 1, terms, 2);
  CHECK(PQresultStatus(done) == PGRES_COMMAND_OK && result == 42, "%d: %s", result, PQerrorMessage(connection));
  PQclear(done);
  /* int4div: an error of the function. */
  const PQArgBlock by_zero[] = {{4, 1, {.integer = 40}}, {4, 1, {.integer = 0}}};
  IS(PQfn(connection, 154, &result, &length, 1, by_zero, 2), PGRES_FATAL_ERROR, "22012");
  IS(PQexec(connection, "BEGIN"), PGRES_COMMAND_OK, "BEGIN");
  IS(PQfn(connection, 154, &result, &length, 1, by_zero, 2), PGRES_FATAL_ERROR, "22012");
  CHECK(PQtransactionStatus(connection) == PQTRANS_INERROR, "%d", PQtransactionStatus(connection));
  IS(PQexec(connection, "ROLLBACK"), PGRES_COMMAND_OK, "ROLLBACK");
  IS(PQexec(connection, "SELECT 'next'"), PGRES_TUPLES_OK, "next");
}

static void* cancel(void* argument) {
  PGconn* sleeper = argument;
  PGconn* connection = open_connection();
  const time_t deadline = time(NULL) + 20;
  for (bool runs = false; !runs;) {
    PGresult* result = PQexec(connection,
                              "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND query LIKE "
                              "'%pg_sleep(30)%' AND pid <> pg_backend_pid()");
    runs = PQresultStatus(result) == PGRES_TUPLES_OK && strcmp(PQgetvalue(result, 0, 0), "1") == 0;
    PQclear(result);
    CHECK(time(NULL) < deadline, "%s", "pg_sleep does not run");
    usleep(20000);
  }
  PQfinish(connection);
  PGcancel* handle = PQgetCancel(sleeper);
  char error[256];
  CHECK(PQcancel(handle, error, sizeof error), "%s", error);
  PQfreeCancel(handle);
  return NULL;
}

static void cancelling(PGconn* connection) {
  for (int extended = 0; extended < 2; ++extended) {
    const time_t started = time(NULL);
    pthread_t thread;
    pthread_create(&thread, NULL, cancel, connection);
    IS(extended ? PQexecParams(connection, "SELECT pg_sleep(30)", 0, NULL, NULL, NULL, NULL, 0)
                : PQexec(connection, "SELECT pg_sleep(30)"),
       PGRES_FATAL_ERROR, "57014");
    pthread_join(thread, NULL);
    CHECK(time(NULL) - started < 15, "%s", "the cancel took long");
    IS(PQexec(connection, "SELECT 'next'"), PGRES_TUPLES_OK, "next");
  }
  /* In a pipeline the rest of the segment is skipped. */
  CHECK(PQenterPipelineMode(connection), "%s", "");
  SEND("SELECT pg_sleep(30)");
  SEND("SELECT 'skipped'");
  CHECK(PQpipelineSync(connection), "%s", "");
  SEND("SELECT 'next'");
  CHECK(PQpipelineSync(connection) && PQflush(connection) == 0, "%s", "");
  cancel(connection);
  IS(PQgetResult(connection), PGRES_FATAL_ERROR, "57014");
  NO_MORE();
  IS(PQgetResult(connection), PGRES_PIPELINE_ABORTED, NULL);
  NO_MORE();
  IS(PQgetResult(connection), PGRES_PIPELINE_SYNC, NULL);
  IS(PQgetResult(connection), PGRES_TUPLES_OK, "next");
  NO_MORE();
  IS(PQgetResult(connection), PGRES_PIPELINE_SYNC, NULL);
  CHECK(PQexitPipelineMode(connection), "%s", "");
}

static void notifications(PGconn* connection) {
  PGconn* sender = open_connection();
  IS(PQexec(connection, "LISTEN e2e"), PGRES_COMMAND_OK, "LISTEN");
  for (int i = 0; i < 3; ++i) {
    PQclear(PQexec(sender, "NOTIFY e2e, 'payload'"));
    PGnotify* notify;
    while ((notify = PQnotifies(connection)) == NULL) {
      struct pollfd ready = {PQsocket(connection), POLLIN, 0};
      CHECK(poll(&ready, 1, wait_ms) == 1, "%s", "no notification");
      CHECK(PQconsumeInput(connection), "%s", PQerrorMessage(connection));
    }
    CHECK(strcmp(notify->extra, "payload") == 0, "%s", notify->extra);
    CHECK(pooled() || notify->be_pid == PQbackendPID(sender), "%d", notify->be_pid);
    PQfreemem(notify);
  }
  /* A notification of one's own comes before ReadyForQuery. */
  PQclear(PQexec(connection, "NOTIFY e2e, 'own'"));
  PGnotify* own = PQnotifies(connection);
  CHECK(pooled() || (own != NULL && strcmp(own->extra, "own") == 0), "%s", "own notification");
  PQfreemem(own);
  PQfinish(sender);
}

static void reset(PGconn* connection) {
  IS(PQexec(connection, "SELECT pg_terminate_backend(pg_backend_pid())"), PGRES_FATAL_ERROR, NULL);
  CHECK(PQstatus(connection) == CONNECTION_BAD, "%s", "the connection lives on");
  PQreset(connection);
  IS(PQexec(connection, "SELECT 'again'"), PGRES_TUPLES_OK, "again");
  /* Ended in the middle of a result, without a word. */
  CHECK(PQsendQuery(connection, "SELECT repeat('x', 1000) FROM generate_series(1, 1000000)"), "%s", "");
}

int main(void) {
  PGconn* connection = open_connection();
  CHECK(PQsslInUse(connection) == (strcmp(getenv("PGSSLMODE"), "disable") != 0), "%s", "TLS");
  const struct {
    const char* name;
    void (*work)(PGconn*);
  } all[] = {{"simple queries", simple}, {"parameters", parameters},       {"large results", large},
             {"copy", copying},          {"pipelines", pipeline},          {"function calls", function_call},
             {"cancel", cancelling},     {"notifications", notifications}, {"reset", reset}};
  for (size_t i = 0; i < sizeof all / sizeof all[0]; ++i) {
    section = all[i].name;
    all[i].work(connection);
    printf("ok %s\n", section);
    fflush(stdout);
  }
  PQfinish(connection);
  return 0;
}
