// The schema of records: what each module declares stands in it, and modules agree.
#include <gtest/gtest.h>
#include <simdjson.h>

#include "cli/schema_text.h"
#include "results/schema.h"
#include "scan/registry.h"

namespace sonde::cli {
namespace {

using results::FieldDef;
using results::FieldType;

class Module final : public engine::ProbeModule {
 public:
  Module(const char* name, std::vector<FieldDef> fields, bool has_ports = true)
      : name_(name), fields_(std::move(fields)), has_ports_(has_ports) {}
  std::string_view name() const override { return name_; }
  std::string_view help() const override { return "a test's"; }
  std::span<const FieldDef> fields() const override { return fields_; }
  bool has_ports() const override { return has_ports_; }
  std::size_t state_bytes() const override { return 1; }
  engine::Probe* create(void*) const override { return nullptr; }

 private:
  const char* name_;
  std::vector<FieldDef> fields_;
  bool has_ports_;
};

const FieldDef kCount = {"one.count", FieldType::kInteger, "how many"};
const FieldDef kList = {"one.deep.list", FieldType::kJson, "a|b", true,
                        R"({"type":"array","items":{"type":"boolean"}})"};
const FieldDef kName = {"two.name", FieldType::kString, "who"};

Modules two_modules() {
  Modules modules;
  modules.push_back(std::make_unique<Module>("one", std::vector<FieldDef>{kCount, kList}));
  modules.push_back(std::make_unique<Module>("two", std::vector<FieldDef>{kName, kCount, kList}, false));
  return modules;
}

// The value at a JSON pointer, as it stands in the text without white space; "absent".
std::string at(const std::string& json, const std::string& pointer) {
  simdjson::dom::parser parser;
  simdjson::dom::element value;
  return parser.parse(json).at_pointer(pointer).get(value) == simdjson::SUCCESS ? simdjson::minify(value) : "absent";
}

TEST(Schema, fields_are_nested_as_in_a_record_and_nothing_else_is_allowed) {
  const std::string json = json_schema(two_modules());
  EXPECT_EQ(at(json, "/properties/one/properties/count/type"), R"("integer")");
  EXPECT_EQ(at(json, "/properties/one/properties/count/description"), R"("how many")");
  EXPECT_EQ(at(json, "/properties/one/properties/deep/properties/list/items/type"), R"("boolean")");
  for (const char* object : {"", "/properties/one", "/properties/one/properties/deep", "/properties/timing_us"})
    EXPECT_EQ(at(json, std::string(object) + "/additionalProperties"), "false") << object;
  EXPECT_EQ(at(json, "/properties/outcome/enum/0"), R"("success")");
  EXPECT_EQ(at(json, "/properties/cause/enum/0"), R"("syn_unanswered")");
  EXPECT_EQ(at(json, "/properties/probe/enum/1"), R"("two")");
}

TEST(Schema, a_record_has_the_objects_of_its_own_probe_alone) {
  const std::string json = json_schema(two_modules());
  EXPECT_EQ(at(json, "/allOf/3/if/properties/probe/const"), R"("one")");
  EXPECT_EQ(at(json, "/allOf/3/then/properties/two"), "false");
  EXPECT_EQ(at(json, "/allOf/3/then/properties/one"), "absent");
  EXPECT_EQ(at(json, "/allOf/3/then/required/0"), R"("port")");
  EXPECT_EQ(at(json, "/allOf/4/if/properties/probe/const"), R"("two")");
  EXPECT_EQ(at(json, "/allOf/4/then/properties/one"), "absent");
  EXPECT_EQ(at(json, "/allOf/4/then/required"), "absent") << "a probe without ports";
}

TEST(Schema, a_path_of_two_modules_must_be_the_same_field) {
  Modules modules = two_modules();
  modules.push_back(
      std::make_unique<Module>("three", std::vector<FieldDef>{{"two.name", FieldType::kInteger, "how many of them"}}));
  EXPECT_DEATH(json_schema(modules), "the same field in both");
}

TEST(Schema, the_page_tells_a_shared_field_once) {
  const std::string page = schema_page(two_modules());
  EXPECT_NE(page.find("| `one.deep.list` | JSON | ● | a\\|b |\n"), std::string::npos) << page;
  EXPECT_EQ(page.find("| `one.count`"), page.rfind("| `one.count`"));
  EXPECT_NE(page.find("the fields of [one](#one) too, and these:"), std::string::npos);
  EXPECT_NE(page.find("| `timing_us.total` | integer | ● |"), std::string::npos);
}

TEST(Schema, every_field_of_every_probe_says_its_shape) {
  Modules modules;
  for (const scan::ProbeEntry& entry : scan::probe_table()) modules.push_back(entry.make());
  for (const auto& module : modules)
    for (const FieldDef& field : module->fields())
      EXPECT_TRUE(field.type != FieldType::kJson || field.json_schema != nullptr) << field.path;
  EXPECT_EQ(at(json_schema(modules), "/properties/ts/type"), R"("string")");
}

}  // namespace
}  // namespace sonde::cli
