// pgx v4: a protocol of its own; a statement cache, batches in one pipeline, binary COPY.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"time"

	"github.com/jackc/pgconn"
	"github.com/jackc/pgtype"
	"github.com/jackc/pgx/v4"
)

const (
	rows  = 100000
	limit = 15 * time.Second

	sleeping = "SELECT count(*)::text FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND query LIKE '%pg_sleep(30)%' " +
		"AND pid <> pg_backend_pid()"
)

var background = context.Background()

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func equal(got, expected interface{}, what string) {
	if !reflect.DeepEqual(got, expected) {
		panic(fmt.Sprintf("%s: got %#v, expected %#v", what, got, expected))
	}
}

func fails(err error, code string) {
	var known *pgconn.PgError
	if !errors.As(err, &known) {
		panic(fmt.Sprintf("no error %s but %v", code, err))
	}
	equal(known.Code, code, known.Message)
}

func section(name string, work func()) {
	started := time.Now()
	defer func() {
		if problem := recover(); problem != nil {
			fmt.Printf("FAILED: %s\n", name)
			panic(problem)
		}
		fmt.Printf("ok %s (%.2f s)\n", name, time.Since(started).Seconds())
	}()
	work()
}

// Host, user, password, TLS: all from the variables of libpq.
func connect(options string) *pgx.Conn {
	connection, err := pgx.Connect(background, options)
	check(err)
	return connection
}

func text(connection *pgx.Conn, sql string, arguments ...interface{}) string {
	var value string
	check(connection.QueryRow(background, sql, arguments...).Scan(&value))
	return value
}

func types(connection *pgx.Conn) {
	_, err := connection.Exec(background, "DROP TABLE IF EXISTS e2e.types;"+
		"CREATE TABLE e2e.types (a bool, b int, c bigint,"+
		" d float8, e numeric, f text, g bytea, h date, i timestamptz, j uuid, k int[], l text[], m jsonb, n int)")
	check(err)
	moment := time.Date(1999, 12, 31, 1, 2, 3, 4000, time.UTC)
	day := time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC)
	null := (*int32)(nil)
	for round := 0; round < 12; round++ {
		var number pgtype.Numeric
		check(number.Set("12345678901234567890.0001"))
		_, err = connection.Exec(background, "INSERT INTO e2e.types VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10,"+
			" $11, $12, $13, $14)",
			true, round, int64(1)<<40, 1e-300, &number, "žluť 'x' \\ $1", []byte{0, 1, 255, '\''}, day, moment,
			"00000000-0000-0001-0000-000000000002", []int32{1, 2, 3}, []string{"a", `b"c`, ""}, map[string]int{"a": 1},
			null)
		check(err)
		var (
			a bool
			b int
			c int64
			d float64
			e pgtype.Numeric
			f string
			g []byte
			h time.Time
			i time.Time
			j pgtype.UUID
			k []int32
			l []string
			m map[string]int
			n *int32
		)
		row := connection.QueryRow(background, "SELECT * FROM e2e.types")
		check(row.Scan(&a, &b, &c, &d, &e, &f, &g, &h, &i, &j, &k, &l, &m, &n))
		equal([]interface{}{a, b, c, d, f, g, k, l, m}, []interface{}{true, round, int64(1) << 40, 1e-300,
			"žluť 'x' \\ $1", []byte{0, 1, 255, '\''}, []int32{1, 2, 3}, []string{"a", `b"c`, ""}, map[string]int{"a": 1}},
			"types")
		equal(h.Equal(day) && i.Equal(moment), true, "times")
		equal(j.Bytes[15], byte(2), "uuid")
		equal(n, null, "NULL")
		_, err = connection.Exec(background, "DELETE FROM e2e.types")
		check(err)
	}
	var length int
	check(connection.QueryRow(background, "SELECT length($1::text)", strings.Repeat("x", 3000000)).Scan(&length))
	equal(length, 3000000, "large parameter")
}

func transactions(connection *pgx.Conn) {
	_, err := connection.Exec(background, "DROP TABLE IF EXISTS e2e.money;"+
		"CREATE TABLE e2e.money (id int PRIMARY KEY, amount int CHECK (amount >= 0))")
	check(err)
	_, err = connection.Exec(background, "SELEC 1")
	fails(err, "42601")
	_, err = connection.Exec(background, "SELEC $1", 1)
	fails(err, "42601")
	var one int
	fails(connection.QueryRow(background, "SELECT 1 / $1::int", 0).Scan(&one), "22012")
	failed := errors.New("given up")
	for number := 0; number < 15; number++ {
		err = connection.BeginFunc(background, func(outer pgx.Tx) error {
			_, err := outer.Exec(background, "INSERT INTO e2e.money VALUES ($1, $2)", number, number)
			check(err)
			err = outer.BeginFunc(background, func(inner pgx.Tx) error { // a savepoint
				_, err := inner.Exec(background, "INSERT INTO e2e.money VALUES ($1, -1)", number+100)
				return err
			})
			fails(err, "23514")
			err = outer.BeginFunc(background, func(inner pgx.Tx) error {
				_, err := inner.Exec(background, "SELEC $1", number)
				fails(err, "42601")
				fails(inner.QueryRow(background, "SELECT $1::int", 1).Scan(&one), "25P02")
				return err
			})
			fails(err, "42601")
			if number%2 == 1 {
				return failed
			}
			return nil
		})
		if number%2 == 0 {
			check(err)
		} else {
			equal(err, failed, "rolled back")
		}
	}
	equal(text(connection, "SELECT string_agg(id::text, ' ' ORDER BY id) FROM e2e.money"), "0 2 4 6 8 10 12 14", "kept")
	options := pgx.TxOptions{IsoLevel: pgx.Serializable, AccessMode: pgx.ReadOnly}
	transaction, err := connection.BeginTx(background, options)
	check(err)
	_, err = transaction.Exec(background, "DELETE FROM e2e.money")
	fails(err, "25006")
	check(transaction.Rollback(background))
	_, err = connection.Exec(background, "")
	check(err)
	results, err := connection.PgConn().Exec(background, "SELECT 1; SELECT 2; SELECT 1/0; SELECT 3").ReadAll()
	fails(err, "22012")
	equal(len(results) >= 2 && string(results[1].Rows[0][0]) == "2", true, "results before the error")
	equal(text(connection, "SELECT 'next'"), "next", "next")
}

func large(connection *pgx.Conn) {
	found, err := connection.Query(background, "SELECT g, repeat('x', 30) FROM generate_series(1, $1::int) g", rows)
	check(err)
	sum := 0
	for found.Next() {
		var number int
		var filling string
		check(found.Scan(&number, &filling))
		sum += number
	}
	check(found.Err())
	equal(sum, rows*(rows+1)/2, "sum")
	// Portals with a row limit are reached by the lower layer alone: cursors of SQL here.
	transaction, err := connection.Begin(background)
	check(err)
	_, err = transaction.Exec(background, "DECLARE c CURSOR FOR SELECT generate_series(1, 100000)")
	check(err)
	sum = 0
	for count := 1; count > 0; {
		count = 0
		fetched, err := transaction.Query(background, "FETCH 1777 FROM c")
		check(err)
		for fetched.Next() {
			var number int
			check(fetched.Scan(&number))
			sum += number
			count++
		}
		check(fetched.Err())
	}
	equal(sum, rows*(rows+1)/2, "sum by FETCH")
	check(transaction.Commit(background))
}

func copying(connection *pgx.Conn) {
	_, err := connection.Exec(background, "CREATE TABLE e2e.copied (a int PRIMARY KEY, b text)")
	check(err)
	copyFrom := func(first, count int) (int64, error) {
		return connection.CopyFrom(background, pgx.Identifier{"e2e", "copied"}, []string{"a", "b"},
			pgx.CopyFromSlice(count, func(i int) ([]interface{}, error) {
				return []interface{}{first + i, fmt.Sprint("text ", i)}, nil
			}))
	}
	count, err := copyFrom(0, rows)
	check(err)
	equal(count, int64(rows), "copied")
	_, err = copyFrom(rows-1, rows) // the first is there already
	fails(err, "23505")
	_, err = connection.CopyFrom(background, pgx.Identifier{"e2e", "copied"}, []string{"a"},
		pgx.CopyFromSlice(10, func(i int) ([]interface{}, error) { return nil, errors.New("the source is broken") }))
	fails(err, "57014") // CopyFail
	var out bytes.Buffer
	tag, err := connection.PgConn().CopyTo(background, &out, "COPY (SELECT * FROM e2e.copied ORDER BY a) TO STDOUT")
	check(err)
	equal(tag.RowsAffected(), int64(rows), "copied out")
	_, err = connection.Exec(background, "TRUNCATE e2e.copied")
	check(err)
	lines := out.String()
	tag, err = connection.PgConn().CopyFrom(background, strings.NewReader(lines), "COPY e2e.copied FROM STDIN")
	check(err)
	equal(tag.RowsAffected(), int64(rows), "copied in")
	_, err = connection.PgConn().CopyFrom(background, strings.NewReader("x\ty\n"+lines), "COPY e2e.copied FROM STDIN")
	fails(err, "22P02")
	_, err = connection.PgConn().CopyFrom(background, strings.NewReader(lines), "COPY e2e.nothing FROM STDIN")
	fails(err, "42P01")
	equal(text(connection, "SELECT count(*)::text FROM e2e.copied"), fmt.Sprint(rows), "rows")
}

func batches(connection *pgx.Conn) {
	_, err := connection.Exec(background, "DROP TABLE IF EXISTS e2e.many;"+
		"CREATE TABLE e2e.many (a int PRIMARY KEY, b text)")
	check(err)
	for round := 0; round < 3; round++ {
		batch := &pgx.Batch{}
		for i := 0; i < 3000; i++ {
			batch.Queue("INSERT INTO e2e.many VALUES ($1, $2)", round*10000+i, "text")
			batch.Queue("SELECT $1::int * 2", i)
		}
		results := connection.SendBatch(background, batch)
		for i := 0; i < 3000; i++ {
			tag, err := results.Exec()
			check(err)
			equal(tag.RowsAffected(), int64(1), "inserted")
			var doubled int
			check(results.QueryRow().Scan(&doubled))
			equal(doubled, i*2, "doubled")
		}
		check(results.Close())
	}
	// An error in the middle undoes the batch.
	batch := &pgx.Batch{}
	for i := 0; i < 100; i++ {
		key := 50000 + i
		if i == 50 {
			key = 1
		}
		batch.Queue("INSERT INTO e2e.many VALUES ($1, $2)", key, "undone")
	}
	results := connection.SendBatch(background, batch)
	for i := 0; i < 50; i++ {
		_, err := results.Exec()
		check(err)
	}
	_, err = results.Exec()
	fails(err, "23505")
	results.Close()
	// A syntax error, found while the statements are prepared.
	batch = &pgx.Batch{}
	batch.Queue("INSERT INTO e2e.many VALUES (60000, 'undone')")
	batch.Queue("SELEC $1", 1)
	fails(connection.SendBatch(background, batch).Close(), "42601")
	equal(text(connection, "SELECT count(*)::text FROM e2e.many"), "9000", "rows")
}

func prepared(connection *pgx.Conn) {
	_, err := connection.Prepare(background, "e2e_double", "SELECT $1::int * 2")
	check(err)
	for i := 0; i < 30; i++ {
		var doubled int
		check(connection.QueryRow(background, "e2e_double", i).Scan(&doubled))
		equal(doubled, i*2, "doubled")
	}
	check(connection.Deallocate(background, "e2e_double"))
	for i := 0; i < 600; i++ { // more than its cache holds
		var sum int
		check(connection.QueryRow(background, fmt.Sprintf("SELECT %d + $1::int", i), 1).Scan(&sum))
		equal(sum, i+1, "sum")
	}
}

func cancelling(connection, other *pgx.Conn) {
	started := time.Now()
	// A done context closes the connection of pgx, so the cancel goes by hand.
	done := make(chan error, 1)
	for _, sql := range []string{"SELECT pg_sleep(30)", "SELECT pg_sleep(30), $1::int"} {
		arguments := []interface{}{}
		if strings.Contains(sql, "$1") {
			arguments = append(arguments, 1)
		}
		go func() {
			_, err := connection.Exec(background, sql, arguments...)
			done <- err
		}()
		waitForSleep(other)
		check(connection.PgConn().CancelRequest(background))
		fails(<-done, "57014")
		equal(text(connection, "SELECT 'next'"), "next", "next")
	}
	equal(time.Since(started) < limit, true, "soon")
}

func waitForSleep(other *pgx.Conn) {
	for started := time.Now(); text(other, sleeping) != "1"; {
		if time.Since(started) > limit {
			panic("pg_sleep does not run")
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func givenUp(other *pgx.Conn) {
	connection := connect("")
	withLimit, cancel := context.WithTimeout(background, 300*time.Millisecond)
	defer cancel()
	_, err := connection.Exec(withLimit, "SELECT pg_sleep(30)")
	equal(err != nil && connection.IsClosed(), true, "closed by the context")
	// The client has gone, so its statement ends on the server as well.
	started := time.Now()
	for text(other, sleeping) != "0" {
		if time.Since(started) > limit {
			panic("the statement of a client that has gone still runs")
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func notifications(connection, other *pgx.Conn) {
	_, err := connection.Exec(background, "LISTEN e2e")
	check(err)
	for _, payload := range []string{"first", "", strings.Repeat("x", 7000)} {
		_, err = other.Exec(background, "SELECT pg_notify('e2e', $1)", payload)
		check(err)
		withLimit, cancel := context.WithTimeout(background, limit)
		heard, err := connection.WaitForNotification(withLimit)
		cancel()
		check(err)
		equal(heard.Payload, payload, "payload")
		if os.Getenv("DBGATE_POOLED") != "1" {
			equal(heard.PID, other.PgConn().PID(), "pid")
		}
	}
}

func main() {
	connection, other := connect(""), connect("")
	section("types", func() { types(connection) })
	section("transactions", func() { transactions(connection) })
	section("large result", func() { large(connection) })
	section("copy", func() { copying(connection) })
	section("batches", func() { batches(connection) })
	section("prepared", func() { prepared(connection) })
	section("cancel", func() { cancelling(connection, other) })
	section("given up", func() { givenUp(other) })
	section("notify", func() { notifications(connection, other) })
	check(connection.Close(background))
	describing := connect("statement_cache_mode=describe")
	section("types, described", func() { types(describing) })
	section("batches, described", func() { batches(describing) })
	check(describing.Close(background))
	settings, err := pgx.ParseConfig("")
	check(err)
	settings.PreferSimpleProtocol = true
	simple, err := pgx.ConnectConfig(background, settings)
	check(err)
	section("transactions, simple", func() { transactions(simple) })
	check(simple.Close(background))
	check(other.Close(background))
}
