#include <algorithm>

#include "gateway/app/worker.h"
#include "gateway/audit/json.h"
#include "gateway/base/counted.h"
#include "gateway/models/record.h"
#include "gateway/session/audit_trail.h"

// How a worker asks models: they answer on a thread of their own, and are heard on the worker's.
namespace dbgate::app {
namespace {

using ports::RiskOpinion;

void ask_or_say_so(const std::shared_ptr<ports::RiskModel>& model, const ports::RiskQuestion& question,
                   std::function<void(RiskOpinion)> done) {
  if (!model) return done({});
  model->ask(question, std::move(done));
}

/// Questions of one message under way, of one worker's thread. The session may have given them up.
struct Asking {
  explicit Asking(std::atomic<std::size_t>& questions) : counted(questions) {}
  Counted counted;
  session::HeardListener told;  // null: given up
  session::Heard heard;
  std::size_t open = 0;
};

class GivenUp final : public session::Holding {
 public:
  explicit GivenUp(std::shared_ptr<Asking> asking) : asking_(std::move(asking)) {}
  ~GivenUp() override { asking_->told = nullptr; }

 private:
  const std::shared_ptr<Asking> asking_;
};

}  // namespace

session::HoldingPtr Worker::ask_models(const std::vector<ports::RiskQuestion>& questions, session::HeardListener told) {
  const auto asking = std::make_shared<Asking>(shared_.questions);
  asking->told = std::move(told);
  asking->open = questions.size();
  const auto model = shared_.models.current();
  for (const ports::RiskQuestion& question : questions)
    asking->heard.answers.push_back({question.brief, {}});
  for (std::size_t i = 0; i < questions.size(); ++i) {
    ask_or_say_so(model, questions[i], [executor = context_.get_executor(), asking, i](RiskOpinion opinion) {
      net::post_to(executor, [asking, i, opinion = std::move(opinion)]() mutable {
        asking->heard.answers[i].opinion = std::move(opinion);
        if (--asking->open > 0 || !asking->told) return;
        std::exchange(asking->told, nullptr)(std::move(asking->heard));
      });
    });
  }
  return std::make_unique<GivenUp>(asking);
}

void Worker::ask_afterwards(const session::SessionInfo& session, std::vector<session::LateQuestions> questions) {
  const auto model = shared_.models.current();
  if (!model) return;
  const std::string names(session::audit_fields(session).names());
  for (const session::LateQuestions& late : questions) {
    for (const session::Doubt& doubt : late.doubts) {
      if (doubt.question.brief.empty()) continue;
      const auto counted = std::make_shared<Counted>(shared_.questions);
      model->ask(doubt.question, [this, executor = context_.get_executor(), counted, doubt, names,
                                  query_id = late.query_id](RiskOpinion opinion) {
        net::post_to(executor, [this, counted, doubt, names, query_id, opinion = std::move(opinion)] {
          record_rating(names, query_id, doubt, opinion);
        });
      });
    }
  }
}

// What nobody was asked about leaves nothing behind.
void Worker::record_rating(const std::string& names, const Id& query_id, const session::Doubt& doubt,
                           const RiskOpinion& opinion) {
  if (opinion.provider.empty()) return;
  std::string fields = names;
  audit::append_field(fields, "query_id", std::string_view(query_id));
  fields.append(",\"risk.model\":");
  fields += models::record_of(doubt.rules, doubt.question.caller, doubt.question.brief, opinion);
  static_cast<void>(chain_->append("statement.rated", fields));
}

}  // namespace dbgate::app
