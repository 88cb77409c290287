#pragma once
#include "gateway/ports/risk_model.h"
#include "gateway/risk/level.h"

namespace dbgate::models {

/// What rules and model come to together.
struct Combined {
  risk::Level level = risk::Level::info;  ///< never below what the rules say
  bool asks_approval = false;             ///< a second person should look at it, whatever the policy's levels say
  bool alerts = false;                    ///< it goes on, and somebody should know that nobody could be asked
  bool answered = false;                  ///< the model had its say
};

/// final = max(rules, model). A model may raise and ask for an approval; nothing that it says, and nothing that goes
/// wrong with it, lowers a level or takes a denial back: whoever calls this has not been given the means.
///
/// Where there is no usable answer, what happens depends on what the rules say. Up to low: it goes on. Medium: agents
/// need an approval, others go on and somebody is told. From high on: as the rules and the policy have it. That an
/// agent's statement makes a model hang, refuse or be filtered is a mild sign itself: one step more.
Combined combine(risk::Level rules, risk::Caller caller, const ports::RiskOpinion& opinion);

}  // namespace dbgate::models
