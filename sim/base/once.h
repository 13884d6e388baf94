// Values that are costly to make and wanted by several threads.
#ifndef NPTSIM_SIM_BASE_ONCE_H_
#define NPTSIM_SIM_BASE_ONCE_H_

#include <future>
#include <map>
#include <mutex>
#include <string>
#include <utility>

namespace nptsim {

// Each good value is made once, by whoever asks first; others wait for it. `Value` is a Result.
// Refusals are not kept: they name the place of whoever asked.
template <class Value>
class Once {
 public:
  template <class Make>
  Value get(const std::string& key, Make&& make) {
    std::promise<Value> promise;
    std::unique_lock lock(mutex_);
    const auto [known, is_first] = values_.try_emplace(key);
    if (!is_first) {
      const std::shared_future<Value> future = known->second;
      lock.unlock();
      return future.get().ok() ? future.get() : make();
    }
    known->second = promise.get_future().share();
    lock.unlock();
    Value value = make();
    promise.set_value(value);
    if (!value.ok()) {
      lock.lock();
      values_.erase(key);
    }
    return value;
  }

  void clear() {
    const std::lock_guard lock(mutex_);
    values_.clear();
  }

 private:
  std::mutex mutex_;
  std::map<std::string, std::shared_future<Value>> values_;
};

}  // namespace nptsim

#endif  // NPTSIM_SIM_BASE_ONCE_H_
