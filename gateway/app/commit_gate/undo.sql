-- Takes back what prepare.sql has made: the triggers go with the functions that they call.
DROP SCHEMA IF EXISTS dbgate_gate CASCADE;
