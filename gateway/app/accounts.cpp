#include "gateway/app/accounts.h"

#include <algorithm>

#include "config/certificate_names.h"
#include "gateway/app/snapshot.h"
#include "gateway/base/log.h"

namespace dbgate::app {
namespace {

using session::Account;
using session::Credential;

bool in_force(const Credential& credential, const Snapshot& snapshot, std::int64_t now) {
  if (credential.expires != 0 && credential.expires <= now) return false;
  return credential.id.empty() || !snapshot.ended.contains(credential.id);
}

}  // namespace

Result<session::AccountPtr> make_account(const config::User& user) {
  auto account = std::make_shared<Account>();
  account->exists = true;
  if (user.wire == config::WireSignIn::token) account->method = Account::Method::token;
  std::optional<auth::ScramVerifier> own;
  if (!user.scram_verifier.empty()) {
    own = auth::parse_scram_verifier(user.scram_verifier);
    if (!own) {
      return Error(sqlstate::internal_error, "users: the scram_verifier of \"" + user.name + "\" is malformed");
    }
  }
  auth::ScramKeyring& passwords = account->passwords;
  if (!user.database_passwords.empty()) {
    passwords.salt = user.scram_salt;
    passwords.iterations = user.scram_iterations;
  } else if (own) {
    passwords.salt = own->salt;
    passwords.iterations = own->iterations;
  }
  // One exchange has one salt: a verifier of another cannot take part in it. Passwords that are made by the API take
  // over the file's salt, so that this is about a file that has changed since.
  const bool shared = own && own->salt == passwords.salt && own->iterations == passwords.iterations;
  if (own && !shared) {
    log::warn("gateway",
              "the password of the configuration file opens no database: database passwords have another salt",
              {{"user", user.name}});
  }
  if (shared) {
    passwords.add({std::move(own->stored_key), std::move(own->server_key)});
    account->credentials.emplace_back();
  }
  for (const config::DatabasePassword& password : user.database_passwords) {
    if (!passwords.add({password.stored_key, password.server_key})) {
      log::warn("gateway", "a database password is not used: malformed, or more than 32 of one user",
                {{"user", user.name}, {"credential", password.id}});
      continue;
    }
    Credential credential;
    credential.id = password.id;
    credential.expires = password.expires;
    credential.target = password.target;
    account->credentials.push_back(std::move(credential));
  }
  return session::AccountPtr(std::move(account));
}

session::AccountPtr account_in_force(const session::AccountPtr& account, const Snapshot& snapshot, std::int64_t now) {
  if (account->method == Account::Method::token) return account;
  const auto& all = account->credentials;
  const auto usable = [&](const Credential& credential) { return in_force(credential, snapshot, now); };
  if (!all.empty() && std::all_of(all.begin(), all.end(), usable)) return account;
  auto rest = std::make_shared<Account>();
  rest->exists = true;
  rest->passwords.salt = account->passwords.salt;
  rest->passwords.iterations = account->passwords.iterations;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (!usable(all[i])) continue;
    rest->passwords.add(account->passwords.keys[i]);
    rest->credentials.push_back(all[i]);
  }
  return rest->credentials.empty() ? nullptr : session::AccountPtr(std::move(rest));
}

std::optional<Credential> certified(std::string_view user, const net::PeerCertificate& certificate,
                                    const Snapshot& snapshot) {
  for (const std::string& shown : certificate.names) {
    const std::string name = config::normal_certificate_name(shown);
    const auto found = snapshot.certificates.find(name);
    if (found == snapshot.certificates.end() || found->second != user) continue;
    Credential credential;
    credential.id = "cert:" + certificate.sha256;
    credential.expires = certificate.not_after;
    credential.certificate = name;
    if (snapshot.ended.contains(credential.id)) return {};
    return credential;
  }
  return {};
}

std::string user_of(const net::PeerCertificate& certificate, const Snapshot& snapshot) {
  std::string user;
  for (const std::string& shown : certificate.names) {
    const auto found = snapshot.certificates.find(config::normal_certificate_name(shown));
    if (found == snapshot.certificates.end() || found->second == user) continue;
    if (!user.empty()) return {};
    user = found->second;
  }
  return user;
}

Credential credential_of(const identity::Bearer& bearer) {
  Credential credential;
  credential.id = bearer.credential;
  credential.expires = bearer.expires_us / 1'000'000;
  credential.limited = !bearer.may("admin");
  return credential;
}

std::optional<session::Ending> why_out(const session::SessionInfo& session, const Snapshot& snapshot) {
  using session::EndReason;
  if (!snapshot.users.contains(session.user)) {
    return session::Ending{"terminating connection: the user was disabled or removed", EndReason::user_gone};
  }
  const Credential& credential = session.credential;
  const session::Ending ended{"terminating connection: what it had signed in with was revoked",
                              EndReason::credential_ended};
  if (!credential.id.empty() && snapshot.ended.contains(credential.id)) return ended;
  if (credential.certificate.empty()) return {};
  const auto stands_for = snapshot.certificates.find(credential.certificate);
  if (stands_for == snapshot.certificates.end() || stands_for->second != session.user) return ended;
  return {};
}

}  // namespace dbgate::app
