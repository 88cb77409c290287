#include "gateway/api/authenticator.h"

namespace dbgate::api {

Task<Result<Caller>> TokenAuthenticator::authenticate(const Request& request) {
  const Error nobody(sqlstate::invalid_authorization_specification, "the access token is missing, expired or revoked");
  if (request.bearer.empty()) co_return nobody;
  const auto claims = tokens_.verify(request.bearer);
  if (!claims || !gateway_.knows(claims->user)) co_return nobody;
  Caller caller;
  caller.user = claims->user;
  caller.token_id = claims->id;
  caller.credential = claims->id;
  caller.expires = claims->expires;
  caller.groups = gateway_.groups(claims->user);
  co_return caller;
}

}  // namespace dbgate::api
