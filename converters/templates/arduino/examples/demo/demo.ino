@{sketch}
