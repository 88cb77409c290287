// lib/pq: a protocol of its own under database/sql; parses and describes before it binds, COPY as a statement.
package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/lib/pq"
)

const (
	rows  = 100000
	limit = 15 * time.Second

	sleepers = "SELECT count(*)::text FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND query LIKE '%pg_sleep(30)%' " +
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
	var known *pq.Error
	if !errors.As(err, &known) {
		panic(fmt.Sprintf("no error %s but %v", code, err))
	}
	equal(string(known.Code), code, known.Message)
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

type querier interface {
	QueryRowContext(context.Context, string, ...interface{}) *sql.Row
	ExecContext(context.Context, string, ...interface{}) (sql.Result, error)
}

func text(connection querier, query string, arguments ...interface{}) string {
	var value string
	check(connection.QueryRowContext(background, query, arguments...).Scan(&value))
	return value
}

func exec(connection querier, query string, arguments ...interface{}) error {
	_, err := connection.ExecContext(background, query, arguments...)
	return err
}

func types(connection *sql.Conn) {
	check(exec(connection, "DROP TABLE IF EXISTS e2e.types; CREATE TABLE e2e.types (a bool, b int, c bigint,"+
		" d float8, e numeric, f text, g bytea, h date, i timestamptz, j uuid, k int[], l text[], m jsonb, n int)"))
	moment := time.Date(1999, 12, 31, 1, 2, 3, 4000, time.UTC)
	day := time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC)
	for round := 0; round < 12; round++ {
		check(exec(connection, "INSERT INTO e2e.types VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10,"+
			" $11, $12, $13, $14)",
			true, round, int64(1)<<40, 1e-300, "12345678901234567890.000100", "žluť 'x' \\ $1",
			[]byte{0, 1, 255, '\''}, day, moment, "00000000-0000-0001-0000-000000000002", pq.Array([]int64{1, 2, 3}),
			pq.Array([]string{"a", `b"c`, ""}), `{"a": 1}`, nil))
		var (
			a          bool
			b          int
			c          int64
			d          float64
			e, f, j, m string
			g          []byte
			h, i       time.Time
			k          []int64
			l          []string
			n          sql.NullInt64
		)
		row := connection.QueryRowContext(background, "SELECT * FROM e2e.types WHERE b = $1", round)
		check(row.Scan(&a, &b, &c, &d, &e, &f, &g, &h, &i, &j, pq.Array(&k), pq.Array(&l), &m, &n))
		equal([]interface{}{a, b, c, d, e, f, g, j, k, l, m, n.Valid}, []interface{}{true, round, int64(1) << 40,
			1e-300, "12345678901234567890.000100", "žluť 'x' \\ $1", []byte{0, 1, 255, '\''},
			"00000000-0000-0001-0000-000000000002", []int64{1, 2, 3}, []string{"a", `b"c`, ""}, `{"a": 1}`, false},
			"types")
		equal(h.Equal(day) && i.Equal(moment), true, "times")
		check(exec(connection, "DELETE FROM e2e.types"))
	}
	equal(text(connection, "SELECT length($1::text)::text", strings.Repeat("x", 3000000)), "3000000", "large parameter")
}

func transactions(connection *sql.Conn) {
	check(exec(connection, "DROP TABLE IF EXISTS e2e.money;"+
		"CREATE TABLE e2e.money (id int PRIMARY KEY, amount int CHECK (amount >= 0))"))
	fails(exec(connection, "SELEC 1"), "42601")
	fails(exec(connection, "SELEC $1", 1), "42601")
	fails(exec(connection, "SELECT 1 / $1::int", 0), "22012")
	fails(exec(connection, "INSERT INTO e2e.money VALUES (1, 1); SELECT 1/0"), "22012")
	for number := 0; number < 15; number++ {
		transaction, err := connection.BeginTx(background, nil)
		check(err)
		check(exec(transaction, "INSERT INTO e2e.money VALUES ($1, $2)", number, number))
		check(exec(transaction, "SAVEPOINT s"))
		fails(exec(transaction, "INSERT INTO e2e.money VALUES ($1, $2)", 100+number, -1), "23514")
		fails(exec(transaction, "SELECT $1::int", 1), "25P02")
		check(exec(transaction, "ROLLBACK TO s"))
		fails(exec(transaction, "SELEC $1", 1), "42601")
		check(exec(transaction, "ROLLBACK TO s"))
		if number%2 == 0 {
			check(transaction.Commit())
		} else {
			check(transaction.Rollback())
		}
	}
	equal(text(connection, "SELECT string_agg(id::text, ' ' ORDER BY id) FROM e2e.money"), "0 2 4 6 8 10 12 14", "kept")
	transaction, err := connection.BeginTx(background, &sql.TxOptions{Isolation: sql.LevelSerializable, ReadOnly: true})
	check(err)
	fails(exec(transaction, "DELETE FROM e2e.money"), "25006")
	check(transaction.Rollback())
	check(exec(connection, ""))
	found, err := connection.QueryContext(background, "SELECT 1; SELECT 2")
	check(err)
	for result := 1; result <= 2; result++ {
		var number int
		equal(found.Next(), true, "a row")
		check(found.Scan(&number))
		equal(number, result, "result")
		equal(found.Next(), false, "one row")
		equal(found.NextResultSet(), result == 1, "next result")
	}
	check(found.Close())
}

func large(connection *sql.Conn) {
	found, err := connection.QueryContext(background,
		"SELECT g, repeat('x', 30) FROM generate_series(1, $1::int) g", rows)
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
	transaction, err := connection.BeginTx(background, nil)
	check(err)
	check(exec(transaction, "DECLARE c CURSOR FOR SELECT generate_series(1, 100000)"))
	sum = 0
	for count := 1; count > 0; {
		count = 0
		fetched, err := transaction.Query("FETCH 1777 FROM c")
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
	check(transaction.Commit())
}

// lib/pq has COPY FROM STDIN alone.
func copying(connection *sql.Conn) {
	check(exec(connection, "CREATE TABLE e2e.copied (a int PRIMARY KEY, b text)"))
	copyIn := func(first, count int) error {
		transaction, err := connection.BeginTx(background, nil)
		check(err)
		defer transaction.Rollback()
		statement, err := transaction.Prepare(pq.CopyInSchema("e2e", "copied", "a", "b"))
		check(err)
		for i := 0; i < count && err == nil; i++ {
			_, err = statement.Exec(first+i, fmt.Sprint("text ", i))
		}
		if err == nil {
			_, err = statement.Exec()
		}
		if closing := statement.Close(); err == nil {
			err = closing
		}
		if err != nil {
			return err
		}
		return transaction.Commit()
	}
	check(copyIn(0, rows))
	fails(copyIn(rows-1, rows), "23505")
	equal(text(connection, "SELECT count(*)::text FROM e2e.copied"), fmt.Sprint(rows), "rows")
	transaction, err := connection.BeginTx(background, nil)
	check(err)
	_, err = transaction.Prepare(pq.CopyIn("nothing", "a"))
	fails(err, "42P01")
	check(transaction.Rollback())
}

func prepared(connection *sql.Conn) {
	statement, err := connection.PrepareContext(background, "SELECT $1::int * 2")
	check(err)
	for i := 0; i < 30; i++ {
		var doubled int
		check(statement.QueryRow(i).Scan(&doubled))
		equal(doubled, i*2, "doubled")
	}
	var none int
	equal(statement.QueryRow("x").Scan(&none) != nil, true, "a parameter that is no number")
	check(statement.QueryRow(1).Scan(&none))
	check(statement.Close())
}

// After a cancel lib/pq gives its connection up; the pool makes another.
func cancelling(database *sql.DB, other *sql.Conn) {
	started := time.Now()
	sleeping := func(expected string) {
		for text(other, sleepers) != expected {
			if time.Since(started) > limit {
				panic("not within the limit: sleeping statements " + expected)
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	for _, arguments := range [][]interface{}{{}, {1}} {
		withCancel, cancel := context.WithCancel(background)
		done := make(chan error, 1)
		query := "SELECT pg_sleep(30)"
		if len(arguments) > 0 {
			query += ", $1::int"
		}
		go func() {
			_, err := database.ExecContext(withCancel, query, arguments...)
			done <- err
		}()
		sleeping("1")
		cancel()
		err := <-done
		if !errors.Is(err, context.Canceled) {
			fails(err, "57014")
		}
		sleeping("0")
		equal(text(database, "SELECT 'next'"), "next", "next")
	}
}

func notifications(other *sql.Conn) {
	listener := pq.NewListener("", time.Second, time.Minute, nil)
	defer listener.Close()
	check(listener.Listen("e2e"))
	for _, payload := range []string{"first", "", strings.Repeat("x", 7000)} {
		check(exec(other, "SELECT pg_notify('e2e', $1)", payload))
		select {
		case heard := <-listener.Notify:
			equal(heard.Extra, payload, "payload")
		case <-time.After(limit):
			panic("no notification")
		}
		check(listener.Ping())
	}
}

func pool(database *sql.DB) {
	database.SetMaxOpenConns(4)
	done := make(chan int, 100)
	for i := 0; i < 100; i++ {
		go func(number int) {
			var got int
			check(database.QueryRow("SELECT $1::int", number).Scan(&got))
			done <- got
		}(i)
	}
	sum := 0
	for i := 0; i < 100; i++ {
		sum += <-done
	}
	equal(sum, 99*100/2, "sum")
}

func open(options string) (*sql.DB, *sql.Conn) {
	database, err := sql.Open("postgres", options)
	check(err)
	connection, err := database.Conn(background)
	check(err)
	return database, connection
}

func main() {
	database, connection := open("")
	_, other := open("")
	section("types", func() { types(connection) })
	section("transactions", func() { transactions(connection) })
	section("large result", func() { large(connection) })
	section("copy", func() { copying(connection) })
	section("prepared", func() { prepared(connection) })
	section("cancel", func() { cancelling(database, other) })
	section("notify", func() { notifications(other) })
	check(connection.Close())
	section("pool", func() { pool(database) })
	check(database.Close())
	binaryDatabase, binary := open("binary_parameters=yes")
	section("types, binary parameters", func() { types(binary) })
	section("transactions, binary parameters", func() { transactions(binary) })
	section("prepared, binary parameters", func() { prepared(binary) })
	check(binaryDatabase.Close())
	check(other.Close())
}
