#pragma once
// What pack.dot.level.cpp defines for the table of prefill.dot.level.cpp.

#include "attention/prefill_level.h"
#include "core/host_device.h"

namespace longtail::attention {
inline namespace LONGTAIL_LEVEL {

void channel_statistics(const ChannelJob& job);
void pack_keys(const KeyJob& job);
void pack_values(const ValueJob& job);
void dequantise_queries(const QueryJob& job);
void query_mean(const MeanJob& job);
void rest_of_scores(const RestJob& job);

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::attention
