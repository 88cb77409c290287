#include <iostream>

#include "gateway/adapters/store/open_store.h"

// Another process on a store of SQLite: makes the group that it is told.
int main(int argc, char** argv) {
  if (argc != 3) return 2;
  dbgate::config::Config config;
  config.state_dir = argv[1];
  config.store.url = "sqlite:" + config.state_dir + "/dbgate.db";
  const auto store = dbgate::adapters::store::open_store(config);
  if (!store) return 1;
  dbgate::ports::store::Group group;
  group.name = argv[2];
  return (*store)->users().create_group(group, 1) ? 0 : 1;
}
