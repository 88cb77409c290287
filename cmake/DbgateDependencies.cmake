# Everything outside the standard library comes from Debian packages (scripts/setup.sh installs them).
find_package(Threads REQUIRED)
find_package(OpenSSL 3 REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS system json url)
find_package(yaml-cpp REQUIRED)
find_package(CLI11 REQUIRED)
find_package(spdlog REQUIRED)
find_package(GTest REQUIRED)
include(GoogleTest)

# Boost's header-only parts: safe for the I/O-free rooms.
add_library(dbgate_boost_headers INTERFACE)
target_include_directories(dbgate_boost_headers SYSTEM INTERFACE ${Boost_INCLUDE_DIRS})

# Asio and Beast are compiled once, here (BOOST_*_SEPARATE_COMPILATION), and declared everywhere else.
file(GLOB boost_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/cmake/boost/*.cpp)
add_library(dbgate_boost STATIC ${boost_sources})
target_compile_definitions(dbgate_boost PUBLIC
  BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED)
target_link_libraries(dbgate_boost PUBLIC dbgate_boost_headers Boost::system Threads::Threads OpenSSL::SSL)
if(DBGATE_SANITIZE)
  target_compile_options(dbgate_boost PRIVATE -fsanitize=${DBGATE_SANITIZE})
endif()

# libpg_query and PostgreSQL's own node headers: C, used by gateway/sql alone.
find_path(PG_QUERY_INCLUDE_DIR pg_query.h REQUIRED)
# The archive: without the detours to a shared library's functions and thread-local variables parsing takes a tenth less.
find_library(PG_QUERY_ARCHIVE libpg_query.a REQUIRED)
find_path(POSTGRES_SERVER_INCLUDE_DIR nodes/parsenodes.h PATHS /usr/include/postgresql/15/server REQUIRED NO_DEFAULT_PATH)
add_library(dbgate_pg_query INTERFACE)
target_include_directories(dbgate_pg_query SYSTEM INTERFACE ${PG_QUERY_INCLUDE_DIR} ${POSTGRES_SERVER_INCLUDE_DIR})
target_link_libraries(dbgate_pg_query INTERFACE ${PG_QUERY_ARCHIVE})
# It has functions of libpq's, which libpq must not take for its own.
target_link_options(dbgate_pg_query INTERFACE "LINKER:--exclude-libs,libpg_query.a")


# Passwords, signed tokens, other people's servers: gateway/adapters. One-time passwords: gateway/identity.
find_path(ARGON2_INCLUDE_DIR argon2.h REQUIRED)
find_library(ARGON2_LIBRARY argon2 REQUIRED)
add_library(dbgate_argon2 INTERFACE)
target_include_directories(dbgate_argon2 SYSTEM INTERFACE ${ARGON2_INCLUDE_DIR})
target_link_libraries(dbgate_argon2 INTERFACE ${ARGON2_LIBRARY})
find_path(CJOSE_INCLUDE_DIR cjose/cjose.h REQUIRED)
find_library(CJOSE_LIBRARY cjose REQUIRED)
add_library(dbgate_cjose INTERFACE)
target_include_directories(dbgate_cjose SYSTEM INTERFACE ${CJOSE_INCLUDE_DIR})
target_link_libraries(dbgate_cjose INTERFACE ${CJOSE_LIBRARY})
find_path(OATH_INCLUDE_DIR liboath/oath.h REQUIRED)
find_library(OATH_LIBRARY oath REQUIRED)
add_library(dbgate_oath INTERFACE)
target_include_directories(dbgate_oath SYSTEM INTERFACE ${OATH_INCLUDE_DIR})
target_link_libraries(dbgate_oath INTERFACE ${OATH_LIBRARY})
find_package(CURL REQUIRED)

# Closed segments of the audit log (gateway/audit).
find_path(ZSTD_INCLUDE_DIR zstd.h REQUIRED)
find_library(ZSTD_LIBRARY zstd REQUIRED)
add_library(dbgate_zstd INTERFACE)
target_include_directories(dbgate_zstd SYSTEM INTERFACE ${ZSTD_INCLUDE_DIR})
target_link_libraries(dbgate_zstd INTERFACE ${ZSTD_LIBRARY})

# Sinks of the audit log: bodies of HTTP (gateway/sinks), Kafka (gateway/adapters).
find_package(ZLIB REQUIRED)
find_path(RDKAFKA_INCLUDE_DIR librdkafka/rdkafka.h REQUIRED)
find_library(RDKAFKA_LIBRARY rdkafka REQUIRED)
add_library(dbgate_rdkafka INTERFACE)
target_include_directories(dbgate_rdkafka SYSTEM INTERFACE ${RDKAFKA_INCLUDE_DIR})
target_link_libraries(dbgate_rdkafka INTERFACE ${RDKAFKA_LIBRARY})

# The text of metrics (gateway/adapters).
find_package(prometheus-cpp REQUIRED)

# Control connections of gateway/adapters; the wire protocol of clients is our own.
find_path(PQ_INCLUDE_DIR libpq-fe.h PATH_SUFFIXES postgresql REQUIRED)
find_library(PQ_LIBRARY pq REQUIRED)
add_library(dbgate_pq INTERFACE)
target_include_directories(dbgate_pq SYSTEM INTERFACE ${PQ_INCLUDE_DIR})
target_link_libraries(dbgate_pq INTERFACE ${PQ_LIBRARY})

# The identity store of one machine (gateway/adapters/store).
find_package(SQLite3 REQUIRED)
add_library(dbgate_sqlite INTERFACE)
target_include_directories(dbgate_sqlite SYSTEM INTERFACE ${SQLite3_INCLUDE_DIRS})
target_link_libraries(dbgate_sqlite INTERFACE ${SQLite3_LIBRARIES})

# Sends of many sockets by one system call (gateway/net).
find_path(URING_INCLUDE_DIR liburing.h REQUIRED)
find_library(URING_LIBRARY uring REQUIRED)
add_library(dbgate_uring INTERFACE)
target_include_directories(dbgate_uring SYSTEM INTERFACE ${URING_INCLUDE_DIR})
target_link_libraries(dbgate_uring INTERFACE ${URING_LIBRARY})
